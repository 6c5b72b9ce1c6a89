package store

import "time"

// Pulses are under GatewayTag: one for each gateway that uses the store just now, by
// a name that it makes when it starts. They expire when it does not write them any
// more.
var Pulses = Collection[Pulse]{Kind{Name: "pulse", Listed: true}}

// Pulse says who uses the store.
type Pulse struct {
	Host string    `json:"host,omitempty"`
	At   time.Time `json:"at"`
}
