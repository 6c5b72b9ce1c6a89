package docs_test

import (
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// rules is the part of Prometheus' format that the sample uses.
type rules struct {
	Groups []struct {
		Name  string `yaml:"name"`
		Rules []struct {
			Alert       string            `yaml:"alert"`
			Expr        string            `yaml:"expr"`
			For         string            `yaml:"for"`
			Labels      map[string]string `yaml:"labels"`
			Annotations map[string]string `yaml:"annotations"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

var metricName = regexp.MustCompile(`login_gateway_\w+`)

// metrics are the names in docs/metrics.md, which another test compares with the
// registry; a histogram has three.
func metrics(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, cells := range rows(read(t, "docs/metrics.md")) {
		name := unquote(cells[0])
		names[name] = true
		if cells[1] == "histogram" {
			names[name+"_bucket"], names[name+"_sum"], names[name+"_count"] = true, true, true
		}
	}
	return names
}

func TestAlertsWatchWhatThereIs(t *testing.T) {
	var r rules
	decoder := yaml.NewDecoder(strings.NewReader(read(t, "docs/alerts.yml")))
	decoder.KnownFields(true)
	if err := decoder.Decode(&r); err != nil {
		t.Fatal(err)
	}
	exist, watched := metrics(t), 0
	for _, g := range r.Groups {
		for _, rule := range g.Rules {
			watched++
			if rule.Alert == "" || rule.Annotations["summary"] == "" || rule.Labels["severity"] == "" {
				t.Errorf("%+v: an alert has a name, a severity and a summary", rule)
			}
			names := metricName.FindAllString(rule.Expr, -1)
			if len(names) == 0 {
				t.Errorf("%s watches no metric of ours", rule.Alert)
			}
			for _, name := range names {
				if !exist[name] {
					t.Errorf("%s: there is no metric %s", rule.Alert, name)
				}
			}
		}
	}
	if watched == 0 {
		t.Error("no alerts")
	}
}

var mailOutcomes = regexp.MustCompile(`login_gateway_mails_total\{outcome=~?"([^"]+)"\}`)

// An alert about an outcome that there is not would never ring.
func TestAlertsAboutMailsNameOutcomesThatThereAre(t *testing.T) {
	exist := ""
	for _, cells := range rows(read(t, "docs/metrics.md")) {
		if unquote(cells[0]) == "login_gateway_mails_total" {
			exist = cells[3]
		}
	}
	found := mailOutcomes.FindAllStringSubmatch(read(t, "docs/alerts.yml"), -1)
	if len(found) == 0 {
		t.Error("no alert about mails")
	}
	for _, m := range found {
		for outcome := range strings.SplitSeq(m[1], "|") {
			if !strings.Contains(exist, "`"+outcome+"`") {
				t.Errorf("mails have no outcome %q: %s", outcome, exist)
			}
		}
	}
}

var loginOutcomes = regexp.MustCompile(`login_gateway_logins_total\{outcome(?:=~?|!=|!~)"([^"]+)"\}`)

func TestAlertsAboutLoginsNameOutcomesThatThereAre(t *testing.T) {
	exist := map[string]bool{"ok": true, "mail_asked": true}
	for _, c := range cause.All() {
		exist[string(c)] = true
	}
	found := loginOutcomes.FindAllStringSubmatch(read(t, "docs/alerts.yml"), -1)
	if len(found) == 0 {
		t.Error("no alert about logins")
	}
	for _, m := range found {
		for outcome := range strings.SplitSeq(m[1], "|") {
			if !exist[outcome] {
				t.Errorf("logins have no outcome %q", outcome)
			}
		}
	}
}

func TestMetricsNamedElsewhereExist(t *testing.T) {
	exist := metrics(t)
	for _, file := range markdown(t) {
		for _, m := range regexp.MustCompile("`(login_gateway_\\w+)").FindAllStringSubmatch(read(t, file), -1) {
			if !exist[m[1]] && m[1] != "login_gateway_" {
				t.Errorf("%s: there is no metric %s", file, m[1])
			}
		}
	}
}
