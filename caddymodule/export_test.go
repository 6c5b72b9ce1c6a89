package caddymodule

// ProxyWarnings is what `check` and the start of a config say about proxies.
var ProxyWarnings = proxyWarnings
