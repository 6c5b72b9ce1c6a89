package redisstore_test

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

func TestBadURLs(t *testing.T) {
	for url, want := range map[string]string{
		"":                                   "no scheme",
		"localhost:6379":                     "no scheme",
		"http://localhost":                   "scheme must be",
		"redis:///0":                         "host is missing",
		"redis://:6379":                      "host is missing",
		"redis://localhost:0":                "no valid port",
		"redis://localhost:hUnter2":          "no valid port",
		"redis://a,b":                        "several hosts",
		"redis://localhost/hUnter2":          "must be a number",
		"redis://localhost/-1":               "must be a number",
		"redis://hUnter2@localhost":          "needs a password",
		"redis://u:hUnter2%zz@localhost":     "percent-encoding",
		"redis://u:hUn@ter2@a:b:c":           "neither a name",
		"redis://localhost?hunter=hUnter2":   "unknown option",
		"redis://localhost?prefix=":          "prefix",
		"redis://localhost?prefix=a{b":       "prefix",
		"redis://localhost?prefix=hUnter2%z": "bad options",
		"redis+sentinel://a,b":               "name of the master",
		"redis+cluster://a,b/1":              "database 0",
		"unix://redis.sock":                  "three slashes",
	} {
		s, err := redisstore.Open(url, store.Options{})
		if err == nil {
			_ = s.Close()
			t.Errorf("%s was accepted", url)
			continue
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hUn") || strings.Contains(err.Error(), "ter2") {
			t.Errorf("%s: %v; want it to say %q and no secret", url, err, want)
		}
	}
}

// TestNoSecretsInErrors has a wrong password meet a real server and none at all.
func TestNoSecretsInErrors(t *testing.T) {
	srv := redistest.Start(t)
	if err := srv.Client().Do(t.Context(), "ACL", "SETUSER", "gw", "on", ">right", "~*", "&*", "+@all").Err(); err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{srv.Addr(), "127.0.0.1:1"} {
		s := open(t, "redis://gw:hUnter2@"+host, store.Options{})
		err := s.Ping(t.Context())
		if err == nil || strings.Contains(err.Error(), "hUnter2") {
			t.Errorf("with a wrong password: %v", err)
		}
	}
}

// TestForms reaches a server in every way a URL can say.
func TestForms(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "redis.sock")
	srv := redistest.Start(t, "--unixsocket", socket)
	c := srv.Client()
	for user, password := range map[string]string{"gw": "p@ss/w:rd?#%", "default": "geheim"} {
		if err := c.Do(t.Context(), "ACL", "SETUSER", user, "on", ">"+password, "~*", "&*", "+@all").Err(); err != nil {
			t.Fatal(err)
		}
	}
	_, port, _ := net.SplitHostPort(srv.Addr())
	const encoded = "p%40ss%2Fw%3Ard%3F%23%25"
	for _, url := range []string{
		"redis://gw:" + encoded + "@127.0.0.1:" + port + "/3",
		"redis://gw:" + encoded + "@localhost:" + port + "?db=3",
		"unix://gw:" + encoded + "@" + socket + "?db=3",
		"redis://:geheim@127.0.0.1:" + port + "/3?prefix=cliendo:",
	} {
		s := open(t, url, store.Options{})
		mustPut(t, s, "t", "1", url)
		expect(t, s, "t", "1", url)
	}
	other := open(t, "redis://:geheim@"+srv.Addr()+"/3?prefix=x%5B*%3F:", store.Options{})
	if _, err := other.Get(t.Context(), key("t", "1")); err == nil {
		t.Error("a prefix does not keep records apart")
	}
}

// TestSentinel loses the master: the store finds the new one by itself.
func TestSentinel(t *testing.T) {
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	watchdog := redistest.StartSentinel(t, master)
	url := "redis+sentinel://" + watchdog.Addr() + ",127.0.0.1:1/main/0"
	s, other := open(t, url, store.Options{}), open(t, url, store.Options{})
	mustPut(t, s, "t", "1", "one")
	w := watch(t, s)
	storetest.Eventually(t, "the replica has the record", func() bool {
		n, err := replica.Client().Exists(t.Context(), "cliendo:{t}:listed:1").Result()
		return err == nil && n == 1
	})
	master.Kill()
	wantUnavailable(t, s)
	storetest.Eventually(t, "both write to the new master", func() bool {
		return put(s, "t", "2", "two") == nil && put(other, "t", "3", "three") == nil
	})
	expect(t, s, "t", "1", "one")
	expect(t, s, "t", "3", "three")
	// What was announced at the moment of the failover may be gone with the old
	// master; then the watcher is told to forget, which serves as well.
	storetest.Eventually(t, "the change of the other node is told", func() bool { return w.of(change("t", "3")) || w.lost() })
	mark := time.Now()
	storetest.Eventually(t, "InSync goes on", func() bool { return s.InSync().After(mark) })
}
