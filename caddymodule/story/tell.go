package story

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// ErrNothing is wrapped by the error for a question that is no address,
// reference or user id.
var ErrNothing = errors.New("it is no e-mail address, reference or user id")

// Tell tells what who is about: a reference, an address in whatever form, or a
// user id. store.ErrNotFound says that the viewer may know of no such attempt or
// user; an address that nobody has is a story. ErrInvalid (of directory) is an
// address that is none.
func (t *Teller) Tell(ctx context.Context, v Viewer, who string) (*Story, error) {
	reference, isReference := secret.ParseReference(who)
	if strings.Contains(who, "@") || !isReference {
		s, err := t.Find(ctx, v, who)
		switch {
		case err == nil:
			return t.tell(ctx, v, &Story{Asked: s.Address, Subject: s})
		case strings.Contains(who, "@") || !errors.Is(err, store.ErrNotFound):
			return nil, err
		}
		return nil, fmt.Errorf("%.70q: %w (%w)", who, ErrNothing, err)
	}
	return t.OfAttempt(ctx, v, reference)
}

// OfAttempt tells of the attempt with a reference.
func (t *Teller) OfAttempt(ctx context.Context, v Viewer, reference string) (*Story, error) {
	reference, ok := secret.ParseReference(reference)
	if !ok {
		return nil, fmt.Errorf("finding attempt: %w", store.ErrNotFound)
	}
	a, err := t.Attempts.Find(ctx, reference)
	if err != nil && (!v.team() || !errors.Is(err, store.ErrNotFound)) {
		return nil, err
	}
	if v.team() {
		if a, err = t.allowed(ctx, v, reference, a); err != nil {
			return nil, err
		}
	}
	s := &Story{Asked: reference, Attempt: a}
	if s.Subject, err = t.ofAttempt(ctx, v, a); err != nil {
		return nil, err
	}
	return t.tell(ctx, v, s)
}

// OfUser tells of a user, store.ErrNotFound where the viewer may not know of them.
func (t *Teller) OfUser(ctx context.Context, v Viewer, account, id string) (*Story, error) {
	if v.team() && account != v.Account {
		account = "" // looks up nothing, and answers like an unknown id
	}
	u, err := t.Directory.User(ctx, account, id)
	if err != nil {
		return nil, err
	}
	return t.tell(ctx, v, &Story{Asked: u.Email, Subject: Subject{User: u, Address: u.Email}})
}

// Find returns the user with an address or id; an address that nobody has, as
// far as the viewer may know, is a subject without a user.
func (t *Teller) Find(ctx context.Context, v Viewer, who string) (Subject, error) {
	var u *store.User
	var err error
	if strings.Contains(who, "@") {
		u, err = t.Directory.FindByEmail(ctx, who)
	} else {
		u, err = t.Directory.FindByID(ctx, who)
	}
	if v.team() {
		if bad := t.even(ctx, err); bad != nil {
			return Subject{}, bad
		}
	}
	if err == nil && !v.sees(u) {
		err = store.ErrNotFound
	}
	if err == nil {
		return Subject{User: u, Address: u.Email}, nil
	}
	if address, bad := directory.Canonical(who); bad == nil && errors.Is(err, store.ErrNotFound) {
		return Subject{Address: address}, nil
	}
	return Subject{}, err
}

// ofAttempt finds who made an attempt: the user it was recorded for, or whoever
// has the typed address by now.
func (t *Teller) ofAttempt(ctx context.Context, v Viewer, a *store.Attempt) (Subject, error) {
	if a.User != "" {
		u, err := t.Directory.FindByID(ctx, a.User)
		if err == nil && v.sees(u) {
			return Subject{User: u, Address: u.Email}, nil
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return Subject{}, err
		}
	}
	if a.Typed == "" {
		return Subject{}, nil
	}
	return t.Find(ctx, v, a.Typed)
}

// tell gathers the rest of the story.
func (t *Teller) tell(ctx context.Context, v Viewer, s *Story) (_ *Story, err error) {
	if s.Attempts, err = t.AttemptsOf(ctx, v, s.Subject, recent); err != nil {
		return nil, err
	}
	s.Attempts = orEmpty(s.Attempts)
	if s.Budgets, err = t.budgetsOf(ctx, v, s.Subject, networksOf(s)); err != nil {
		return nil, err
	}
	switch {
	case s.Subject.User != nil:
		err = t.judge(ctx, s, s.Subject.User)
	case s.Subject.Address != "":
		s.Now = Verdict{Cause: string(cause.UnknownEmail), Because: BecauseNobody}
		if s.Suggestions, err = t.suggest(ctx, v, s.Subject.Address); err == nil {
			err = t.tellFormer(ctx, v, s)
		}
	default:
		s.Now = Verdict{Because: BecauseUnknown}
	}
	if err == nil {
		err = t.tellMails(ctx, v, s)
	}
	s.Now.HasToWait = slices.ContainsFunc(s.Budgets, Budget.Waits)
	s.Fixes = fixes(s)
	return s, err
}

// judge runs the decision every request meets.
func (t *Teller) judge(ctx context.Context, s *Story, u *store.User) error {
	a, err := t.Directory.Account(ctx, u.Account)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	now, rules := t.Now(), t.Directory.Rules()
	c := rules.May(u, a, now)
	s.Subject.Account = a
	s.User = ViewUser(u, c)
	if a != nil {
		s.Account = ViewAccount(a, rules.Closed(a, now))
	}
	s.Now = Verdict{CanLogIn: c == cause.None, Cause: string(c), Until: rules.Steady(u, a, now)}
	if err := t.tellIdentities(ctx, s, u); err != nil {
		return err
	}
	if u.Password == "" && len(s.Identities) == 0 && s.Now.CanLogIn {
		s.Now = Verdict{Because: BecauseNoPassword}
	}
	return nil
}

// names are the names under which attempts and budgets of a subject are kept:
// of the user, and of the address from before they had it. Only who may know of
// everybody is told of the latter: it may have been somebody else.
func names(v Viewer, s Subject) []string {
	var all []string
	if s.Address != "" && !v.team() {
		all = append(all, attempt.Subject("", s.Address))
	}
	if s.User != nil {
		all = append(all, attempt.Subject(s.User.ID, ""))
	}
	return all
}

// Names are those under which attempts and budgets of a subject are kept.
func (s Subject) Names() []string { return names(Viewer{}, s) }

// AttemptsOf returns up to n attempts of a subject, newest first.
func (t *Teller) AttemptsOf(ctx context.Context, v Viewer, s Subject, n int) ([]*store.Attempt, error) {
	var all []*store.Attempt
	for _, name := range names(v, s) {
		some, err := t.Attempts.Of(ctx, name, n)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortStableFunc(all, func(a, b *store.Attempt) int { return b.Last.Compare(a.Last) })
	all = all[:min(n, len(all))]
	for i := range all {
		all[i] = v.trimmed(all[i])
	}
	return all, nil
}

// networksOf returns the networks of the attempts in a story, newest first.
func networksOf(s *Story) []string {
	all := s.Attempts
	if s.Attempt != nil {
		all = append([]*store.Attempt{s.Attempt}, all...)
	}
	var networks []string
	for _, a := range all {
		if a.Network != "" && !slices.Contains(networks, a.Network) {
			networks = append(networks, a.Network)
		}
	}
	return networks
}

// budgetsOf returns the budgets of a subject and of the networks it came from.
// What others did from a network is not for a team to know, only that one has to
// wait there.
func (t *Teller) budgetsOf(ctx context.Context, v Viewer, s Subject, networks []string) ([]Budget, error) {
	budgets := []Budget{}
	for _, name := range names(v, s) {
		states, err := t.Limits.Show(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, state := range states {
			budgets = append(budgets, t.viewBudget(state))
		}
	}
	for _, network := range networks {
		states, err := t.Limits.ShowNetwork(ctx, network)
		if err != nil {
			return nil, err
		}
		for _, state := range states {
			b := t.viewBudget(state)
			if v.team() {
				if !b.Waits() {
					continue
				}
				b.State = limit.State{Budget: state.Budget, Network: state.Network, Free: state.Free, Until: state.Until}
			}
			budgets = append(budgets, b)
		}
	}
	return budgets, nil
}
