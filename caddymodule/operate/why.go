package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// story is all that is known about why somebody can or cannot log in.
type story struct {
	// Asked is what was asked about: a reference, or a canonical address.
	Asked string `json:"asked"`
	// Attempt is the one with the reference that was asked about.
	Attempt *attemptView `json:"attempt,omitempty"`
	User    *userView    `json:"user"`
	Account *accountView `json:"account"`
	Now     verdict      `json:"now"`
	// Budgets in which failures are counted; those with time left make people wait.
	Budgets []budgetView `json:"budgets"`
	// Attempts are the latest, newest first.
	Attempts []*attemptView `json:"attempts"`
	// Suggestions are users whose address looks like the unknown one.
	Suggestions []string `json:"suggestions,omitempty"`
	// FormerOwner had the address until a while ago.
	FormerOwner *formerOwner `json:"former_owner,omitempty"`
	// Mails are those of the attempt that was asked about, else of the latest ones.
	Mails []*mailView `json:"mails,omitempty"`
	// Mailed is what can still be used of what was mailed.
	Mailed *ticket.Live `json:"mailed,omitempty"`
	Fixes  []fix        `json:"fixes"`

	subject subject
	account *store.Account
}

// verdict says whether a login with the right password would succeed now.
type verdict struct {
	CanLogIn bool `json:"can_log_in"`
	// HasToWait: a budget makes them wait, from some networks or browsers at least.
	HasToWait bool   `json:"has_to_wait,omitempty"`
	Cause     string `json:"cause,omitempty"`
	// Because says it in words where no cause does.
	Because string `json:"because,omitempty"`
	// Until is when the answer changes by itself; zero: it does not.
	Until time.Time `json:"until,omitzero"`
}

// recent is how many attempts a story shows.
const recent = 10

func why(ctx context.Context, h *House, in *input) (outcome, error) {
	s, err := h.begin(ctx, in)
	if err != nil {
		return outcome{}, err
	}
	if err := h.tell(ctx, s); err != nil {
		return outcome{}, err
	}
	o := outcome{data: s}
	if s.User == nil && s.Attempt == nil {
		o.exit = ExitNotFound
	}
	h.print(&o.text, s)
	return o, nil
}

// begin finds what the question is about.
func (h *House) begin(ctx context.Context, in *input) (*story, error) {
	reference, isReference := secret.ParseReference(in.who)
	if strings.Contains(in.who, "@") || !isReference {
		s, err := h.subjectOf(ctx, in)
		switch {
		case err == nil:
			return &story{Asked: s.address, subject: s}, nil
		case strings.Contains(in.who, "@"):
			return nil, err
		}
		return nil, orNotFound(err, fmt.Sprintf("%.70q is no e-mail address, reference or user id", in.who), "write an address as name@example.com, a reference as K7Q-4MD")
	}
	a, err := h.Attempts.Find(ctx, reference)
	if err != nil {
		return nil, orNotFound(err, "there is no attempt with reference "+reference, "attempts are kept for 90 days; try the e-mail address")
	}
	s := &story{Asked: reference, Attempt: a}
	s.subject, err = h.subjectOfAttempt(ctx, a)
	return s, err
}

// subjectOfAttempt finds who made an attempt: the user it was recorded for, or
// whoever has the typed address by now.
func (h *House) subjectOfAttempt(ctx context.Context, a *store.Attempt) (subject, error) {
	if a.User != "" {
		u, err := h.Directory.FindByID(ctx, a.User)
		if err == nil {
			return subject{u, u.Email}, nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return subject{}, err
		}
	}
	if a.Typed == "" {
		return subject{}, nil
	}
	return h.subjectOf(ctx, &input{who: a.Typed})
}

// tell gathers the rest of the story.
func (h *House) tell(ctx context.Context, s *story) (err error) {
	if s.Attempts, err = h.attemptsOf(ctx, s.subject, recent); err != nil {
		return err
	}
	s.Attempts = orEmpty(s.Attempts)
	if s.Budgets, err = h.budgetsOf(ctx, s.subject, networksOf(s)); err != nil {
		return err
	}
	switch {
	case s.subject.user != nil:
		err = h.judge(ctx, s, s.subject.user)
	case s.subject.address != "":
		s.Now = verdict{Cause: string(cause.UnknownEmail), Because: "nobody has this address"}
		if s.Suggestions, err = h.suggest(ctx, s.subject.address); err == nil {
			err = h.tellFormer(ctx, s)
		}
	default:
		s.Now = verdict{Because: "it is not known whose attempt it was"}
	}
	if err == nil {
		err = h.tellMails(ctx, s)
	}
	s.Now.HasToWait = slices.ContainsFunc(s.Budgets, budgetView.waits)
	s.Fixes = h.fixes(s)
	return err
}

// judge runs the decision every request meets.
func (h *House) judge(ctx context.Context, s *story, u *store.User) (err error) {
	if s.account, err = h.accountOf(ctx, u); err != nil {
		return err
	}
	rules := h.Directory.Rules()
	c := rules.May(u, s.account, h.now())
	s.User, s.Account = h.viewUser(u, c), h.viewAccount(s.account)
	s.Now = verdict{CanLogIn: c == cause.None, Cause: string(c), Until: rules.Steady(u, s.account, h.now())}
	if u.Password == "" && s.Now.CanLogIn {
		s.Now = verdict{Because: "they have no password"}
	}
	return nil
}

// networksOf returns the networks of the attempts in a story, newest first.
func networksOf(s *story) []string {
	all := s.Attempts
	if s.Attempt != nil {
		all = append([]*attemptView{s.Attempt}, all...)
	}
	var networks []string
	for _, a := range all {
		if a.Network != "" && !slices.Contains(networks, a.Network) {
			networks = append(networks, a.Network)
		}
	}
	return networks
}

// fixes lists the ways out: of what is the matter now first, then of what the
// attempt met, then of what the latest failed attempt met.
func (h *House) fixes(s *story) []fix {
	p := h.patientOf(s.subject, s.account)
	fixes := []fix{}
	add := func(c cause.Cause) {
		if c != cause.None && !slices.ContainsFunc(fixes, func(f fix) bool { return f.Cause == string(c) }) {
			fixes = append(fixes, h.remedy(c, p))
		}
	}
	add(cause.Cause(s.Now.Cause))
	if s.User != nil && s.User.Password == "none" {
		fixes = append(fixes, fix{Sentence: "They have no password. Give them one.", Command: h.program() + " users password " + quoted(p.address)})
	}
	if s.Now.HasToWait {
		fixes = append(fixes, h.remedy(cause.TooManyAttempts, waiting(p, s.Budgets)))
	}
	fixes = append(fixes, h.mailFixes(s)...)
	if s.Attempt != nil {
		add(toMend(s.Attempt, s.User))
		return fixes
	}
	for _, a := range s.Attempts {
		if a.Cause == "" && !a.Asked {
			break // what went wrong before the last login is settled
		}
		if c := toMend(a, s.User); c != cause.None && c != cause.TooManyAttempts {
			add(c)
			break
		}
	}
	return fixes
}

// waiting returns p with what has to be cleared: the address, the network, or
// both.
func waiting(p patient, budgets []budgetView) patient {
	address := p.address
	p.address = ""
	for _, b := range budgets {
		switch {
		case b.waits() && b.Budget == limit.AllOfNetwork:
			p.network = b.Network
		case b.waits():
			p.address = address
		}
	}
	return p
}

// toMend returns the cause of an attempt unless the verdict of now answers it:
// an address that is somebody's by now is not unknown any more.
func toMend(a *attemptView, u *userView) cause.Cause {
	c := cause.Cause(a.Cause)
	if past(c) || (u != nil && c == cause.UnknownEmail) {
		return cause.None
	}
	return c
}

// past is true for causes that the verdict of now answers anew.
func past(c cause.Cause) bool {
	switch c {
	case cause.AccountTrialEnded, cause.AccountArrears, cause.AccountCancelled, cause.AccountSuspended,
		cause.UserBlocked, cause.TypeDenied:
		return true
	default:
		return false
	}
}

// endings are those people mix up.
var endings = []string{"nl", "com", "eu", "be", "org", "net", "de"}

// suggest returns users with the same name at a domain that may have been meant.
func (h *House) suggest(ctx context.Context, address string) ([]string, error) {
	local, domain, _ := strings.Cut(address, "@")
	var domains, found []string
	if h.Likely != nil && domain != "" {
		domains = append(domains, h.Likely(domain))
	}
	if dot := strings.LastIndexByte(domain, '.'); dot > 0 {
		for _, ending := range endings {
			domains = append(domains, domain[:dot+1]+ending)
		}
	}
	for _, d := range domains {
		if d == "" || d == domain {
			continue
		}
		u, err := h.Directory.FindByEmail(ctx, local+"@"+d)
		switch {
		case err == nil && !slices.Contains(found, u.Email):
			found = append(found, u.Email)
		case err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, directory.ErrInvalid):
			return nil, err
		}
	}
	return found, nil
}
