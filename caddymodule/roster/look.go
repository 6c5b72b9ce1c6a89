package roster

import (
	"cmp"
	"container/heap"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Orders of a page.
const (
	ByName  = "name"
	ByEmail = "email"
	ByType  = "type"
	ByLast  = "last" // login
)

// Filters besides the codes of causes.
const (
	CanLogIn   = "yes"
	Cannot     = "no"
	Never      = "never" // logged in
	NoPassword = "no_password"
	Invited    = "invited" // and not come yet
	NoSecond   = "no_second_step"
)

// Query is one look at a team.
type Query struct {
	Account *store.Account
	Rules   directory.Rules
	// Search are parts of names and addresses; all have to be there.
	Search string
	// Filter is empty for all, one of the constants, or the code of a cause.
	Filter string
	// Order is one of the constants; default ByName.
	Order      string
	Descending bool
	// After and Before are cursors of a page before; empty: from the beginning.
	After, Before string
	Limit         int // default 50, at most 500
}

// Row is one user.
type Row struct {
	ID, Email, Name, Type string
	Block                 *store.Block // in force
	SecondStep            bool
	NoPassword, Invited   bool
	Last, Created         time.Time // zero: never logged in
	Cause                 cause.Cause
}

// Page is what a look shows.
type Page struct {
	Rows []Row
	// Total are the users of the account, Matching those that were asked for.
	Total, Matching int
	// Counts says how many of those that the search found each filter would show.
	Counts map[string]int
	// Before and After are the cursors of the pages around; empty: there is none.
	Before, After string
}

// MaxLimit is how many users a page shows at most.
const MaxLimit = 500

// Look returns a page. A cursor that is none of ours shows the first one.
func (r *Roster) Look(ctx context.Context, q Query) (Page, error) {
	if q.Limit <= 0 || q.Limit > MaxLimit {
		q.Limit = 50
	}
	var p Page
	err := r.list(q.Account.ID).use(ctx, r, func(l *list) error {
		if q.Order == ByLast && r.o.Now().Sub(l.logins) > r.o.Fresh {
			if err := l.readLogins(ctx, r); err != nil {
				return err
			}
		}
		p = l.look(q, r.o.Now())
		return nil
	})
	if err != nil {
		return Page{}, err
	}
	return p, r.lastLogins(ctx, q.Account.ID, p.Rows)
}

// lastLogins reads when those on a page last logged in, which nobody announces.
func (r *Roster) lastLogins(ctx context.Context, account string, rows []Row) error {
	for i := range rows {
		l, err := store.Logins.Get(ctx, r.store, store.AccountTag(account), rows[i].ID)
		switch {
		case err == nil:
			rows[i].Last = l.At
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
	}
	return nil
}

// look goes through all people once.
func (l *list) look(q Query, now time.Time) Page {
	s := newSelection(q)
	words := strings.Fields(Fold(q.Search))
	p := Page{Total: len(l.people), Counts: map[string]int{}}
	u := store.User{Account: l.account}
	for _, one := range l.people {
		if !one.has(words, q.Search) {
			continue
		}
		u.Type, u.Block = one.typ, one.block
		why := q.Rules.May(&u, q.Account, now)
		one.count(p.Counts, why)
		if !one.passes(q.Filter, why) {
			continue
		}
		p.Matching++
		s.offer(one)
	}
	chosen, more, skipped := s.done()
	p.Rows = make([]Row, len(chosen))
	for i, one := range chosen {
		u.Type, u.Block = one.typ, one.block
		p.Rows[i] = one.row(q.Rules.May(&u, q.Account, now), now)
	}
	if len(chosen) == 0 {
		return p
	}
	forward, backward := more, skipped
	if q.Before != "" && s.from != nil {
		forward, backward = skipped, more
	}
	if forward {
		p.After = s.cursor(chosen[len(chosen)-1])
	}
	if backward {
		p.Before = s.cursor(chosen[0])
	}
	return p
}

// has tells whether all words are in name or address, or it is the id.
func (p *person) has(words []string, typed string) bool {
	for _, w := range words {
		if !strings.Contains(p.folded, w) {
			return len(words) == 1 && p.id == strings.TrimSpace(typed)
		}
	}
	return true
}

func (p *person) count(counts map[string]int, why cause.Cause) {
	for _, f := range [...]string{CanLogIn, Cannot, Never, NoPassword, Invited, NoSecond} {
		if p.passes(f, why) {
			counts[f]++
		}
	}
	if why != cause.None {
		counts[string(why)]++
	}
}

func (p *person) passes(filter string, why cause.Cause) bool {
	switch filter {
	case "":
		return true
	case CanLogIn:
		return why == cause.None
	case Cannot:
		return why != cause.None
	case Never:
		return p.last == 0
	case NoPassword:
		return p.flags&noPassword != 0 && p.flags&invited == 0
	case Invited:
		return p.flags&invited != 0
	case NoSecond:
		return p.flags&secondStep == 0
	}
	return filter == string(why)
}

func (p *person) row(why cause.Cause, now time.Time) Row {
	row := Row{
		ID: p.id, Email: p.email, Name: p.name, Type: p.typ, SecondStep: p.flags&secondStep != 0,
		NoPassword: p.flags&noPassword != 0, Invited: p.flags&invited != 0, Cause: why, Created: time.Unix(p.created, 0),
	}
	if p.last != 0 {
		row.Last = time.Unix(p.last, 0)
	}
	if directory.Blocked(&store.User{Block: p.block}, now) {
		row.Block = p.block
	}
	return row
}

// selection keeps the people of one page while all are offered, without sorting
// the others.
type selection struct {
	query   Query
	from    *place // the cursor
	back    bool   // the page before it
	kept    []*person
	skipped bool // there are some on the other side of the cursor
}

// place is where a cursor stands: the order's value of a person, and their id.
type place struct {
	Order string `json:"o"`
	Text  string `json:"t,omitempty"`
	Then  string `json:"u,omitempty"`
	Time  int64  `json:"n,omitempty"`
	ID    string `json:"i"`
}

func newSelection(q Query) *selection {
	s := &selection{query: q}
	given := q.After
	if q.Before != "" {
		given, s.back = q.Before, true
	}
	raw, err := base64.RawURLEncoding.DecodeString(given)
	at := place{}
	if given == "" || err != nil || json.Unmarshal(raw, &at) != nil || at.Order != q.order() {
		s.back = false
		return s
	}
	s.from = &at
	return s
}

func (q Query) order() string {
	switch q.Order {
	case ByEmail, ByType, ByLast:
		return q.Order
	}
	return ByName
}

// place is where somebody stands in the order.
func (s *selection) place(p *person) place {
	at := place{Order: s.query.order(), ID: p.id}
	switch at.Order {
	case ByName:
		at.Text = p.folded
	case ByEmail:
		at.Text = p.email
	case ByType:
		at.Text, at.Then = p.typ, p.folded
	case ByLast:
		at.Time = p.last
	}
	return at
}

func (s *selection) cursor(p *person) string {
	raw, err := json.Marshal(s.place(p))
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// compare says who comes first on this page, seen in the direction it is filled.
func (s *selection) compare(a, b place) int {
	c := cmp.Or(strings.Compare(a.Text, b.Text), cmp.Compare(a.Time, b.Time), strings.Compare(a.Then, b.Then))
	if s.query.Descending {
		c = -c
	}
	c = cmp.Or(c, strings.Compare(a.ID, b.ID))
	if s.back {
		c = -c
	}
	return c
}

func (s *selection) offer(p *person) {
	at := s.place(p)
	if s.from != nil && s.compare(at, *s.from) <= 0 {
		s.skipped = true
		return
	}
	if len(s.kept) <= s.query.Limit {
		heap.Push(s, p)
		return
	}
	if s.compare(at, s.place(s.kept[0])) < 0 {
		s.kept[0] = p
		heap.Fix(s, 0)
	}
}

// done returns the page in order, and whether there are more on either side.
func (s *selection) done() (chosen []*person, more, skipped bool) {
	slices.SortFunc(s.kept, func(a, b *person) int { return s.compare(s.place(a), s.place(b)) })
	chosen = s.kept
	if more = len(chosen) > s.query.Limit; more {
		chosen = chosen[:s.query.Limit]
	}
	if s.back {
		slices.Reverse(chosen)
	}
	return chosen, more, s.skipped
}

// Len, Less, Swap, Push and Pop make it a heap with the last one on top.
func (s *selection) Len() int { return len(s.kept) }

// Less is part of heap.Interface.
func (s *selection) Less(i, j int) bool {
	return s.compare(s.place(s.kept[i]), s.place(s.kept[j])) > 0
}

// Swap is part of heap.Interface.
func (s *selection) Swap(i, j int) { s.kept[i], s.kept[j] = s.kept[j], s.kept[i] }

// Push is part of heap.Interface.
func (s *selection) Push(x any) { s.kept = append(s.kept, x.(*person)) }

// Pop is part of heap.Interface.
func (s *selection) Pop() any {
	last := s.kept[len(s.kept)-1]
	s.kept = s.kept[:len(s.kept)-1]
	return last
}
