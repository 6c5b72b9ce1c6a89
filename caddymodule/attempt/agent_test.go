package attempt_test

import (
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/attempt"
)

func TestAgents(t *testing.T) {
	const (
		webkit = "AppleWebKit/537.36 (KHTML, like Gecko) "
		win    = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) "
	)
	for header, want := range map[string]string{
		win + webkit + "Chrome/140.0.0.0 Safari/537.36":                                                            "Chrome / Windows",
		win + webkit + "Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0":                                              "Edge / Windows",
		win + webkit + "Chrome/140.0.0.0 Safari/537.36 OPR/120.0.0.0":                                              "Opera / Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0":                         "Firefox / Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15":        "Safari / macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/1": "Safari / iPhone",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 CriOS/140.0 Mobile Safari/1":  "Chrome / iPhone",
		"Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 FxiOS/140.0 Safari/605.1.15":           "Firefox / iPad",
		"Mozilla/5.0 (Linux; Android 15; Pixel 9) " + webkit + "Chrome/140.0.0.0 Mobile Safari/537.36":             "Chrome / Android",
		"Mozilla/5.0 (Linux; Android 15; SM-S921B) " + webkit + "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile":      "Samsung Internet / Android",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) " + webkit + "Chrome/140.0.0.0 Safari/537.36":                    "Chrome / ChromeOS",
		"Mozilla/5.0 (X11; Linux x86_64) " + webkit + "HeadlessChrome/140.0.0.0 Safari/537.36":                     "Chrome / Linux",
		"Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko":                                    "Internet Explorer / Windows",
		"curl/8.9.1":                "curl",
		"python-requests/2.32.3":    "Python",
		"Go-http-client/2.0":        "Go",
		"":                          "",
		"<script>alert(1)</script>": "",
		strings.Repeat("x", 1<<20) + " Chrome/140": "",
	} {
		if got := attempt.Agent(header); got != want {
			t.Errorf("%.100s: %q, want %q", header, got, want)
		}
	}
}

func FuzzAgentsSayNothingOfTheHeader(f *testing.F) {
	f.Add("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36")
	f.Add("curl/8.9.1\r\nX: y")
	f.Fuzz(func(t *testing.T, header string) {
		got := attempt.Agent(header)
		if len(got) > 40 || strings.Trim(got, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz /") != "" {
			t.Errorf("%q gives %q", header, got)
		}
	})
}
