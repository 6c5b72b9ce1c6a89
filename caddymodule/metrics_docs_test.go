package caddymodule_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// documented are the rows of docs/metrics.md, as "name type label label".
func documented(t *testing.T) []string {
	t.Helper()
	body, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	row := regexp.MustCompile("(?m)^\\| `(login_gateway_\\w+)` \\| (\\w+) \\|([^|]*)\\|")
	for _, m := range row.FindAllStringSubmatch(string(body), -1) {
		labels := regexp.MustCompile(`\w+`).FindAllString(m[3], -1)
		all = append(all, strings.Join(append([]string{m[1], m[2]}, labels...), " "))
	}
	slices.Sort(all)
	return all
}

// A metric without labels tells its type when it is gathered; one with labels may
// have no values yet, and is described only.
func TestMetricsAreThoseOfTheDocumentation(t *testing.T) {
	ctx, err := caddy.ProvisionContext(&caddy.Config{
		Admin:   &caddy.AdminConfig{Disabled: true},
		AppsRaw: caddy.ModuleMap{"login_gateway": fmt.Appendf(nil, `{"store":{"backend":"bolt","path":%q}}`, t.TempDir()+"/g.db")},
	})
	if err != nil {
		t.Fatal(err)
	}
	kinds := gathered(t, ctx.GetMetricsRegistry())
	var got []string
	for name, labels := range described(ctx.GetMetricsRegistry()) {
		kind := kinds[name]
		if kind == "" && strings.HasSuffix(name, "_total") {
			kind = "counter"
		} else if kind == "" {
			kind = "histogram"
		}
		got = append(got, strings.Join(append([]string{name, kind}, labels...), " "))
	}
	slices.Sort(got)
	if diff := cmp.Diff(documented(t), got); diff != "" {
		t.Errorf("docs/metrics.md (-), the registry (+):\n%s", diff)
	}
}

func gathered(t *testing.T, r *prometheus.Registry) map[string]string {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for _, f := range families {
		kinds[f.GetName()] = strings.ToLower(f.GetType().String())
	}
	return kinds
}

var description = regexp.MustCompile(`fqName: "(login_gateway_\w+)".*variableLabels: \{(.*)\}`)

// described returns our metrics with their labels.
func described(r *prometheus.Registry) map[string][]string {
	descs := make(chan *prometheus.Desc)
	go func() {
		r.Describe(descs)
		close(descs)
	}()
	all := map[string][]string{}
	for d := range descs {
		if m := description.FindStringSubmatch(d.String()); m != nil {
			all[m[1]] = regexp.MustCompile(`\w+`).FindAllString(m[2], -1)
		}
	}
	return all
}
