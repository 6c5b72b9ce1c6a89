package endtoend_test

import (
	"io"
	"mime/quotedprintable"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

var mailedLink = regexp.MustCompile(`/gateway/m/[a-z2-7]{43}`)

// mailedTo waits for the next mail in a folder of the file mailer and returns the
// paths of its links.
func mailedTo(t *testing.T, folder string, n int) (links []string) {
	t.Helper()
	var text string
	kit.Eventually(t, "a mail is in the folder", func() bool {
		files, _ := filepath.Glob(filepath.Join(folder, "*.eml"))
		if len(files) < n {
			return false
		}
		newest := files[0] // ids of later mails are smaller
		raw, err := os.ReadFile(newest)
		if err != nil {
			return false
		}
		decoded, _ := io.ReadAll(quotedprintable.NewReader(strings.NewReader(string(raw))))
		text = string(decoded)
		return true
	})
	seen := map[string]bool{}
	for _, link := range mailedLink.FindAllString(text, -1) {
		if !seen[link] {
			seen[link] = true
			links = append(links, link)
		}
	}
	return links
}

// Secrets of mails are in no log of ours or of Caddy, at any level, and in no trace,
// whatever is done with the links; and scanners are not let in.
func TestMailedLinksLogInAndStayOutOfLogs(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		folder := t.TempDir()
		g, app := town(t, s, kit.Site{App: "mail {\nfrom login@demo.test\nfile " + folder + "\n}", Before: "log\ntracing", Env: printSpans})
		desk, scanner := kit.Visit(t, g.URL), kit.Visit(t, g.URL)
		desk.Get("/gateway/magic?to=%2Fclients")
		waiting := desk.Post("/gateway/magic?to=%2Fclients", url.Values{"email": {kit.Address("teammate")}})
		if waiting.Status != http.StatusSeeOther {
			t.Fatalf("asking: %s", waiting)
		}
		links := mailedTo(t, folder, 1)
		if len(links) < 2 {
			t.Fatalf("links %v", links)
		}
		for _, link := range append(links, links[0]+"/x", links[0]+"?again=1", "/gateway/m/"+strings.Repeat("q", 43)) {
			scanner.Get(link)
			scanner.Do(http.MethodHead, link)
			scanner.Do(http.MethodOptions, link)
			scanner.Do(http.MethodDelete, link)
			scanner.Post(link, url.Values{})
			scanner.Post(link, url.Values{}, kit.With("Origin", "https://evil.example"), kit.With("Sec-Fetch-Site", "cross-site"))
		}
		if scanner.Cookie("gateway_session") != "" {
			t.Error("the scanner is in")
		}
		used := links[0]
		if strings.Contains(desk.Get(used).Body, "Was jij dit niet") {
			used = links[1]
		}
		if a := desk.Post(used, url.Values{}); a.Status != http.StatusSeeOther || a.To() != "/clients" {
			t.Errorf("the person: %s", a)
		}
		arrived(t, desk.Get("/clients"), "teammate")
		desk.Get(used)
		metrics := g.Metrics()
		g.Stop() // prints the last spans
		logs := g.Output()
		if !strings.Contains(logs, `"mailed link"`) || !strings.Contains(logs, "handled request") || !strings.Contains(logs, `"/gateway/m/..."`) {
			t.Error("nothing was logged or traced at all")
		}
		for _, link := range links {
			key := link[len(link)-24:]
			if strings.Contains(logs+metrics, key) {
				t.Error("a secret of a mail is in a log, a trace or a metric")
			}
			for _, seen := range app.Seen("/") {
				if strings.Contains(strings.Join(seen.Header["Referer"], ""), key) {
					t.Error("a secret of a mail went to the app")
				}
			}
		}
	})
}
