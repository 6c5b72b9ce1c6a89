package caddymodule

import (
	"github.com/cliendo/gateway/caddymodule/console"
	"github.com/cliendo/gateway/caddymodule/page"
)

// console is the admin path of one site.
func (r *rooms) console(prefix string, https bool, pages *page.Renderer) *console.Errand {
	return console.New(console.Options{
		Prefix: prefix, HTTPS: https, Rules: r.settings.Rules,
		Sessions: r.sessions, Directory: r.directory, Pages: pages, Log: r.log,
	})
}
