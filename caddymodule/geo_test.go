package caddymodule_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/cliendo/gateway/caddymodule/outbox/geo/geotest"
	"github.com/cliendo/gateway/caddymodule/outbox/smtptest"
)

// askedBy has somebody ask for a mail, and returns it as it was sent.
func askedBy(t *testing.T, s *smtptest.Server, address, email, language string) string {
	t.Helper()
	before := len(s.Mails())
	request, err := http.NewRequest(http.MethodPost, address+"/gateway/magic", strings.NewReader(url.Values{"email": {email}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept-Language", language)
	response, err := here.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	eventually(t, "the mail", func() bool { return len(s.Mails()) > before })
	return string(s.Mails()[before].Raw)
}

// With a geo file mails say where somebody asked, to unknown addresses as well;
// without it they say nothing about it.
func TestMailsSayThePlaceThatAGeoFileKnows(t *testing.T) {
	s := smtptest.Start(t, smtptest.Options{NoTLS: true})
	names := func(en string) mmdbtype.Map {
		return mmdbtype.Map{"iso_code": mmdbtype.String("NL"), "names": mmdbtype.Map{"en": mmdbtype.String(en)}}
	}
	_, address := mailing(t, s.Addr(), object{"geo_file": geotest.Write(t, map[string]mmdbtype.Map{
		"127.0.0.0/8": {"city": names("Utrecht"), "country": names("Netherlands")},
	})})
	for _, c := range []struct{ email, language, fact string }{
		{"anna@example.com", "nl", "Plaats: Utrecht, Nederland"},
		{"nobody@example.com", "en", "Place: Utrecht, Netherlands"},
	} {
		if mail := askedBy(t, s, address, c.email, c.language); !strings.Contains(mail, c.fact) {
			t.Errorf("%s: no %q in\n%s", c.email, c.fact, mail)
		}
	}
}

func TestMailsSayNoPlaceWithoutAGeoFile(t *testing.T) {
	s := smtptest.Start(t, smtptest.Options{NoTLS: true})
	_, address := mailing(t, s.Addr())
	if mail := askedBy(t, s, address, "anna@example.com", "nl"); strings.Contains(mail, "Plaats") || !strings.Contains(mail, "Netwerk: ") {
		t.Errorf("a place that nobody told:\n%s", mail)
	}
}

func TestAGeoFileThatCannotBeReadIsAnErrorOfTheConfig(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.mmdb")
	if err := os.WriteFile(broken, []byte("no places"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, says := range map[string]string{
		filepath.Join(dir, "none.mmdb"): "no such file",
		broken:                          "MaxMind's format",
		"{env.NOT_SET_ANYWHERE}":        "is the variable set",
	} {
		p := newPlace(t).site(gateway())
		p.app()["public_url"] = "https://app.example.com"
		p.app()["mail"] = object{"from": "a@b.nl", "mailer": object{"via": "file", "folder": dir}, "geo_file": file}
		err := validate(t, p)
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "mail geo_file") {
			t.Errorf("%s: %v; want the option and %q", file, err, says)
		}
	}
}
