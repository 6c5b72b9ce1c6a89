// Command cliendo is Caddy with its standard modules and the login gateway. Nothing else.
package main

import (
	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/cliendo/gateway/caddymodule"
)

func main() {
	caddy.CustomBinaryName = "cliendo"
	caddycmd.Main()
}
