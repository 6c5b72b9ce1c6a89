package parked_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/cliendo/gateway/caddymodule/parked"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

const boundary = "multipart/form-data; boundary=----b"

func multipart(disposition, body string) string {
	return "------b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nZo\u00eb\r\n------b\r\n" +
		"Content-Disposition: form-data; " + disposition + "\r\nContent-Type: application/octet-stream\r\n\r\n" + body + "\r\n------b--\r\n"
}

func TestWhatIsParked(t *testing.T) {
	c := testkit.NewClock(testkit.Monday)
	with := func(change func(r *http.Request)) *http.Request {
		r := form(urlencoded, typed)
		change(r)
		return r
	}
	set := func(name, value string) *http.Request {
		return with(func(r *http.Request) { r.Header.Set(name, value) })
	}
	del := func(name string) *http.Request { return with(func(r *http.Request) { r.Header.Del(name) }) }
	for name, test := range map[string]struct {
		r    *http.Request
		want error
	}{
		"plain":                 {form(urlencoded, typed), nil},
		"with a charset":        {form(urlencoded+"; charset=utf-8", typed), nil},
		"empty":                 {form(urlencoded, ""), nil},
		"a megabyte":            {form(urlencoded, strings.Repeat("x", parked.MaxBody)), nil},
		"and one more":          {form(urlencoded, strings.Repeat("x", parked.MaxBody+1)), parked.ErrStay},
		"chunked, too large":    {with(func(r *http.Request) { r.ContentLength, r.Body = -1, much() }), parked.ErrStay},
		"broken off":            {with(func(r *http.Request) { r.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF)) }), parked.ErrStay},
		"multipart":             {form(boundary, multipart(`name="x"`, "y")), nil},
		"no file chosen":        {form(boundary, multipart(`name="x"; filename=""`, "")), nil},
		"a file":                {form(boundary, multipart(`name="x"; filename="a.pdf"`, "y")), parked.ErrStay},
		"an empty file":         {form(boundary, multipart(`name="x"; filename="a.pdf"`, "")), parked.ErrStay},
		"a file without a name": {form(boundary, multipart(`name="x"; filename=""`, "y")), parked.ErrStay},
		"a file in disguise":    {form(boundary, multipart(`name="x"; filename*=utf-8''a.pdf`, "y")), parked.ErrStay},
		"no end":                {form(boundary, multipart(`name="x"`, "y")[:80]), parked.ErrStay},
		"not multipart at all":  {form(boundary, typed), parked.ErrStay},
		"no boundary":           {form("multipart/form-data", typed), parked.ErrNot},
		"json":                  {form("application/json", "{}"), parked.ErrNot},
		"text":                  {form("text/plain", typed), parked.ErrNot},
		"no type":               {del("Content-Type"), parked.ErrNot},
		"two types":             {with(func(r *http.Request) { r.Header.Add("Content-Type", "text/html") }), parked.ErrNot},
		"a header in the type":  {set("Content-Type", urlencoded+"; a=\"b\r\nRemote-User: eve\""), parked.ErrNot},
		"a long type":           {set("Content-Type", urlencoded+"; a="+strings.Repeat("b", 300)), parked.ErrNot},
		"compressed":            {set("Content-Encoding", "gzip"), parked.ErrNot},
		"put":                   {with(func(r *http.Request) { r.Method = http.MethodPut }), parked.ErrNot},
		"another site":          {set("Sec-Fetch-Site", "cross-site"), parked.ErrNot},
		"a sister":              {set("Sec-Fetch-Site", "same-site"), parked.ErrNot},
		"typed":                 {set("Sec-Fetch-Site", "none"), parked.ErrNot},
		"another origin":        {set("Origin", "http://evil.test"), parked.ErrNot},
		"another port":          {set("Origin", "http://app.test:81"), parked.ErrNot},
		"no origin":             {del("Origin"), parked.ErrNot},
		"null origin":           {set("Origin", "null"), parked.ErrNot},
		"an older browser":      {del("Sec-Fetch-Site"), nil},
		"our own page":          {with(func(r *http.Request) { r.URL.Path = "/gateway/logout" }), parked.ErrNot},
		"up to our own page":    {with(func(r *http.Request) { r.URL.Path = "/a/../gateway/logout" }), parked.ErrNot},
		"another host's path":   {with(func(r *http.Request) { r.URL.Path = "//evil.test/x" }), parked.ErrNot},
	} {
		l := newLot(t, c, testkit.Bolt(t, c.Now))
		if _, err := l.park("jan", test.r); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

// much is a body that never says how much it is.
func much() io.ReadCloser { return io.NopCloser(io.LimitReader(zeros{}, parked.MaxBody+1000)) }

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// Only a browser that shows whose it was has a form kept.
func TestWhoseFormsAreParked(t *testing.T) {
	c := testkit.NewClock(testkit.Monday)
	l := newLot(t, c, testkit.Bolt(t, c.Now))
	park := func(value, user string) error {
		r := form(urlencoded, typed)
		f := facts(user)
		if user == "" {
			f = nil
		}
		_, err := l.Park(httptest.NewRecorder(), r, r.URL.RequestURI(), value, f)
		return err
	}
	if err := park("", ""); !errors.Is(err, parked.ErrNot) {
		t.Errorf("a stranger: %v", err)
	}
	if err := park("forged", "jan"); !errors.Is(err, parked.ErrNot) {
		t.Errorf("a forged cookie: %v", err)
	}
	testkit.Must(t, park("cookie", "jan"))
	key := l.holder.Key
	testkit.Must(t, park("", "")) // its dead cookie was taken out meanwhile
	testkit.Must(t, park("newer", "jan"))
	if l.holder.Key != key {
		t.Error("the key of what waits was lost")
	}
	testkit.Must(t, park("cookie of piet", "piet"))
	if l.holder.Key == key || l.holder.User != "piet" {
		t.Errorf("piet got the key of jan: %+v", l.holder)
	}
	c.Push(parked.Recent)
	if err := park("", ""); !errors.Is(err, parked.ErrNot) {
		t.Errorf("a day later: %v", err)
	}
}

func TestThereIsRoomForEverybody(t *testing.T) {
	onStores(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		l := newLot(t, c, s)
		var ids []string
		for range parked.MaxOwn {
			ids = append(ids, l.mustPark("jan", typed))
		}
		if _, err := l.park("jan", form(urlencoded, typed)); !errors.Is(err, parked.ErrStay) {
			t.Errorf("one more: %v", err)
		}
		other := newLot(t, c, s)
		other.mustPark("piet", typed) // is not in jan's way
		testkit.Must(t, l.Drop(context.Background(), ids[0]))
		l.mustPark("jan", typed)
		if _, err := l.park("jan", form(urlencoded, typed)); !errors.Is(err, parked.ErrStay) {
			t.Errorf("one more than fits: %v", err)
		}
		c.Push(parked.Keep)
		l.mustPark("jan", typed) // all others are too old
	})
}

func TestThereIsAnEndToTheRoom(t *testing.T) {
	onStores(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		ctx := context.Background()
		fill := func(n, size int) {
			testkit.Must(t, s.Update(ctx, store.ParkedTag, func(tx store.Tx) error {
				list := &store.ParkedList{}
				for i := range n {
					list.Forms = append(list.Forms, store.ParkedEntry{
						ID: fmt.Sprint(i), Account: "acme", User: fmt.Sprint(i), Size: size, Until: c.Now().Add(parked.Keep),
					})
				}
				return store.ParkedLists.Put(tx, "", list, c.Now().Add(time.Hour))
			}))
		}
		l := newLot(t, c, s)
		for _, full := range [][2]int{{parked.MaxForms, 1}, {parked.MaxTotal / parked.MaxBody, parked.MaxBody}} {
			fill(full[0], full[1])
			if _, err := l.park("jan", form(urlencoded, typed)); !errors.Is(err, parked.ErrStay) {
				t.Errorf("%v: %v", full, err)
			}
			fill(full[0]-1, full[1])
			l.mustPark("jan", typed)
		}
	})
}

// Reading forms that trickle in takes the place of nobody else's.
func TestSlowFormsOfOneUser(t *testing.T) {
	c := testkit.NewClock(testkit.Monday)
	s := testkit.Bolt(t, c.Now)
	l := newLot(t, c, s)
	begun, end := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	for range parked.MaxOwn {
		go func() {
			r := form(urlencoded, typed)
			r.Body = io.NopCloser(&waiting{begun: begun, end: end})
			one := newLot(t, c, s)
			one.Lot = l.Lot
			_, err := one.park("jan", r)
			done <- err
		}()
		<-begun
	}
	if _, err := l.park("jan", form(urlencoded, typed)); !errors.Is(err, parked.ErrStay) {
		t.Errorf("one more of jan's: %v", err)
	}
	if _, err := l.park("piet", form(urlencoded, typed)); err != nil {
		t.Errorf("piet has to wait: %v", err)
	}
	close(end)
	for range parked.MaxOwn {
		if err := <-done; !errors.Is(err, parked.ErrStay) {
			t.Errorf("a form that never came whole: %v", err)
		}
	}
}

// waiting is a body that says when it is first read, and breaks off at the end.
type waiting struct{ begun, end chan struct{} }

func (w *waiting) Read([]byte) (int, error) {
	w.begun <- struct{}{}
	<-w.end
	return 0, io.ErrUnexpectedEOF
}

func TestAskedReadsNothingOfOthers(t *testing.T) {
	id := "abcdefghijklmnop"
	ask := func(kind, body string) (*http.Request, string, bool) {
		r := form(kind, body)
		got, ok := parked.Asked(r)
		return r, got, ok
	}
	if _, got, ok := ask("text/plain", "gateway_parked="+id+"\r\n"); !ok || got != id {
		t.Errorf("asked: %q, %t", got, ok)
	}
	for _, other := range [][2]string{
		{"text/plain", "gateway_parked=" + strings.ToUpper(id) + "\r\n"},
		{"text/plain", "gateway_parked=" + id + "\n\n"},
		{"text/plain", "gateway-parked=" + id + "\r\n"},
		{"text/plain", "gateway_parked=" + id},
		{"text/plain", "gateway_parked=" + id + "\r\n&a=b"},
		{"text/plain;charset=UTF-8", "gateway_parked=" + id + "\r\n"},
		{urlencoded, "gateway_parked=" + id + "\r\n"},
		{"text/plain", ""},
	} {
		r, _, ok := ask(other[0], other[1])
		body, err := io.ReadAll(r.Body)
		if ok || err != nil || string(body) != other[1] {
			t.Errorf("%q: asked %t, and the app reads %q, %v", other, ok, body, err)
		}
	}
}
