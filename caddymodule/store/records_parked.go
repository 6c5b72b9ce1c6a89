package store

import "time"

// ParkedTag is where the list of parked forms lies; the forms themselves lie under
// a tag each, because one may be large.
const ParkedTag = "parked"

// FormTag returns the tag of one parked form.
func FormTag(id string) string { return "f:" + id }

var (
	// ParkedForms are forms that wait for their sender to log in again. Each is under
	// its id; what it says can be read with a key that only a browser has.
	ParkedForms = Collection[ParkedForm]{Kind{Name: "parked"}}
	// ParkedLists has one record, without an id: which forms there are, so that their
	// number and size can be bounded.
	ParkedLists = Collection[ParkedList]{Kind{Name: "parkedlist"}}
)

// ParkedForm is one of them.
type ParkedForm struct {
	Account string    `json:"account"`
	User    string    `json:"user"`
	Created time.Time `json:"created"`
	Until   time.Time `json:"until"`
	Sealed  string    `json:"sealed"`
	// Taken is set while, and after, it was sent on.
	Taken time.Time `json:"taken,omitzero"`
}

// ParkedList says which forms there are.
type ParkedList struct {
	Forms []ParkedEntry `json:"forms"`
}

// ParkedEntry is a form in the list.
type ParkedEntry struct {
	ID      string    `json:"id"`
	Account string    `json:"account"`
	User    string    `json:"user"`
	Size    int       `json:"size"` // bytes of its body
	Created time.Time `json:"created"`
	Until   time.Time `json:"until"`
}
