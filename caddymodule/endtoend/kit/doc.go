// Package kit is what the end-to-end tests stand on: it builds the binary once,
// writes Caddyfiles, starts and ends processes on free ports of the loopback
// interface, fills stores, plays visitors and an app behind the gateway. It owns
// no expectation of its own, except that no process ever panics or races.
package kit
