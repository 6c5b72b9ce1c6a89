package store

import "time"

// The collections of reports. Their tag is y:<account>, and y: for everybody.
var (
	// Tallies are counters of one day; their id is the day.
	Tallies = Collection[Tally]{Kind{Name: "tally", Listed: true}}
	// Delays say where somebody may have to wait. The budgets themselves decide.
	Delays = Collection[Delay]{Kind{Name: "delay", Listed: true}}
)

// TallyTag returns the tag of the counters of an account; of everybody where
// account is empty.
func TallyTag(account string) string { return "y:" + account }

// Tally has the counters of one day.
type Tally struct {
	Counts map[string]int64 `json:"counts"`
}

// Delay is a place to look for a budget that makes people wait.
type Delay struct {
	Subject string    `json:"subject"` // of the budgets
	Network string    `json:"network,omitempty"`
	Account string    `json:"account,omitempty"`
	User    string    `json:"user,omitempty"`
	Address string    `json:"address,omitempty"` // what was typed
	Until   time.Time `json:"until"`
}
