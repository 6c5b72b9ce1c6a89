package caddymodule

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
)

// Mail says how mails are sent. Without it nobody is mailed, and pages say what
// to do instead.
type Mail struct {
	// From is the address mails come from. Needed.
	From string `json:"from,omitempty"`
	// FromName stands beside it. Default: the name of the brand.
	FromName string `json:"from_name,omitempty"`
	// MailerRaw says how mails leave: a module of the namespace
	// login_gateway.mailers. Needed.
	MailerRaw json.RawMessage `json:"mailer,omitempty" caddy:"namespace=login_gateway.mailers inline_key=via"`
	// Templates is a folder with files that replace ours of the same name.
	// Default: none.
	Templates string `json:"templates,omitempty"`
	// GeoFile is a file in MaxMind's format (.mmdb) of cities or countries; mails
	// say where a request came from by it. Default: none, and they say no place.
	GeoFile string `json:"geo_file,omitempty"`
	// UnknownAddresses: an address that nobody has is mailed that nobody has it.
	// Default: on.
	UnknownAddresses *bool `json:"unknown_addresses,omitempty"`
	// Limits say how many mails may be asked for.
	Limits MailLimits `json:"limits,omitzero"`
}

// MailLimits say how many mails may be asked for. A field left out keeps its
// default.
type MailLimits struct {
	// Address is how many mails one address gets within AddressWindow. Default: 3.
	Address int `json:"address,omitempty"`
	// AddressWindow is the time that Address is about. Default: 15m.
	AddressWindow caddy.Duration `json:"address_window,omitempty"`
	// Network is how many mails one network may ask for within NetworkWindow. The
	// first mail of an address in an hour is always free. Default: 20.
	Network int `json:"network,omitempty"`
	// NetworkWindow is the time that Network is about. Default: 10m.
	NetworkWindow caddy.Duration `json:"network_window,omitempty"`
	// Unknown is how many mails an hour go to addresses that nobody has, for the
	// whole gateway. Default: 60.
	Unknown int `json:"unknown,omitempty"`
}
