package invite_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/invite"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// scene is everything around the errand, and what became of one visit.
type scene struct {
	err    error
	did    string
	proof  *signin.Proof
	done   string
	cause  cause.Cause
	retry  time.Duration
	noted  attempt.Entry
	header http.Header
}

func (s *scene) Come(context.Context, *ticket.Found) (*store.User, error) {
	s.did = "came"
	return &store.User{ID: "jan", Account: "acme"}, s.err
}

func (s *scene) Prove(context.Context, *ticket.Found) (*store.User, error) {
	s.did = "proved"
	return &store.User{ID: "jan", Account: "acme"}, s.err
}

func (s *scene) Again(context.Context, *ticket.Found) error {
	s.did = "mailed again"
	return s.err
}

func (s *scene) Proven(_ http.ResponseWriter, _ *http.Request, p signin.Proof) { s.proof = &p }
func (s *scene) KnownDevice(*http.Request, string) string                      { return "" }

func (s *scene) Note(_ context.Context, e attempt.Entry) string {
	s.noted = e
	return "K7Q-4MD"
}

func (s *scene) MailedDone(_ http.ResponseWriter, _ *http.Request, v page.MailedDone) {
	s.done = v.Kind
}

func (s *scene) Refusal(_ http.ResponseWriter, _ *http.Request, v page.Refusal) {
	s.cause, s.retry = v.Cause, v.RetryAfter
}

func (s *scene) Locale(_ *http.Request, stored string) string { return stored }

var now = time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)

// play opens a link, or asks for it again.
func play(purpose string, again bool, err error) *scene {
	s := &scene{err: err}
	e := invite.New(invite.Options{Prefix: "/gateway", Dispatcher: s, Manager: s, Pages: s, Now: func() time.Time { return now }})
	f := &ticket.Found{Account: "acme", User: "jan", Ticket: store.Ticket{ID: "t", Purpose: purpose, Typed: "jan@acme.test"}}
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/gateway/m/x", nil)
	if again {
		e.Again(w, r, f)
	} else {
		e.Opened(w, r, "x", f)
	}
	s.header = w.Header()
	return s
}

func TestAnInvitationIsAProofThatTheDispatcherUsesUp(t *testing.T) {
	for _, purpose := range []string{ticket.Invite, ticket.Entry} {
		s := play(purpose, false, nil)
		if s.did != "came" || s.proof == nil || s.proof.Ticket != "t" || s.proof.Method != purpose || s.proof.User.ID != "jan" || s.done != "" {
			t.Errorf("%s: %+v", purpose, s)
		}
		if s.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: it may be stored", purpose)
		}
	}
}

func TestProvingAMailboxLogsNobodyIn(t *testing.T) {
	if s := play(ticket.Address, false, nil); s.did != "proved" || s.proof != nil || s.done != "proved" {
		t.Errorf("%+v", s)
	}
}

func TestWhatDoesNotWorkIsNamed(t *testing.T) {
	many := &outbox.TooMany{Sent: 3, Until: now.Add(9 * time.Minute)}
	for _, c := range []struct {
		err  error
		want cause.Cause
	}{
		{directory.ErrTaken, cause.LinkSuperseded},
		{ticket.ErrNone, cause.LinkSuperseded},
		{store.ErrNotFound, cause.LinkSuperseded},
		{&ticket.Spent{Cause: cause.LinkUsed}, cause.LinkUsed},
		{store.ErrUnavailable, cause.StoreUnavailable},
		{errors.New("odd"), cause.StoreUnavailable},
		{many, cause.TooManyMails},
	} {
		for _, purpose := range []string{ticket.Invite, ticket.Entry, ticket.Address} {
			s := play(purpose, false, c.err)
			if s.cause != c.want || s.proof != nil || s.done != "" || s.noted.Cause != c.want || s.noted.User != "jan" {
				t.Errorf("%s, %v: %+v", purpose, c.err, s)
			}
		}
	}
	if s := play(ticket.Invite, true, many); s.cause != cause.TooManyMails || s.retry != 9*time.Minute {
		t.Errorf("asked too often: %+v", s)
	}
}

func TestAFreshLinkIsMailedAndNotShown(t *testing.T) {
	for _, purpose := range []string{ticket.Invite, ticket.Address} {
		if s := play(purpose, true, nil); s.did != "mailed again" || s.done != "again" || s.proof != nil {
			t.Errorf("%s: %+v", purpose, s)
		}
	}
	// What an operator hands over is not mailed to whoever holds an old one.
	if s := play(ticket.Entry, true, nil); s.did != "" || s.done != "" || s.cause != cause.LinkSuperseded {
		t.Errorf("%+v", s)
	}
}
