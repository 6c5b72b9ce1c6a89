// Package caddymodule is the roof of the login gateway, and the only package
// that knows Caddy. It owns the configuration, the Caddy modules, the commands
// and the building of the rooms below it; what happens in a room is decided
// there.
//
// The map of the house, for who reads it for the first time:
//
//	config*.go             the configuration: what each option means, and its default
//	caddyfile*.go          the Caddyfile syntax, drawn above each parser
//	settings*.go           checks the configuration, and puts it into the words of the rooms
//	storemodules.go        the guest modules login_gateway.stores.bolt and .redis
//	app.go, house.go       start and stop; what outlives a reload: the store, sessions, the queue
//	rooms*.go, own.go      builds the rooms of one config, and the pages below the prefix
//	handler.go             the directive in front of the app
//	metrics.go             what is counted
//	addresses.go           remembers the trusted proxies, and notices one in front that nobody named
//	proxies*.go            looks for ways around the gateway
//	adminapi.go, adminkey.go, targets.go   the commands of a running gateway, on Caddy's admin endpoint
//	command*.go            the command group "gateway"
//
// Below the roof, from the bottom up:
//
//	cause, store, secret, cookie   the closed list of causes; records and their stores; keys; cookies
//	directory, session, limit, attempt, passhash   what is known and counted
//	outbox, ticket         mails, and what they carry: when it is good, and that it is good once
//	page                   what people see
//	guard                  the hot path: strip, look up, decide, pass on
//	signin, password, signout   the way in, step by step, and the way out
//	magic, recovery, mailed   logging in and new passwords by mail, and the room of mailed links
//	security               what users see of their own access
//	console                the admin path
//	operate                what operators do
//	demo                   the sample app and its users
//
// # Modules
//
//	login_gateway                app: one per config, made of the global option
//	http.handlers.login_gateway  handler: one per site, made of the directive
//	login_gateway.stores.*       where records live
//	admin.api.login_gateway      commands for a running gateway
//
// # Order
//
// Caddy provisions a new config before it stops the old one, provisions without
// ever starting it for `caddy validate`, and cleans up what failed half-way. So
// Provision only reads and checks; resources are taken in Start, by their name,
// and given back by who took them.
package caddymodule
