package operate

import (
	"context"
	"errors"
	"fmt"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/story"
)

// whyData is a story with the ways out as commands.
type whyData struct {
	*story.Story
	Fixes []fix `json:"fixes"`
}

func why(ctx context.Context, h *House, in *input) (outcome, error) {
	told, err := h.teller().Tell(ctx, story.Viewer{}, in.who)
	if err != nil {
		return outcome{}, notTold(in.who, err)
	}
	s := &whyData{Story: told, Fixes: []fix{}}
	p := h.patientOf(told.Subject)
	for _, f := range told.Fixes {
		s.Fixes = append(s.Fixes, h.fixOf(f, p))
	}
	o := outcome{data: s}
	if s.User == nil && s.Attempt == nil {
		o.exit = ExitNotFound
	}
	h.print(&o.text, s)
	return o, nil
}

// notTold says why there is no story.
func notTold(who string, err error) error {
	reference, isReference := secret.ParseReference(who)
	switch {
	case errors.Is(err, story.ErrNothing):
		return orNotFound(err, fmt.Sprintf("%.70q is no e-mail address, reference or user id", who), "write an address as name@example.com, a reference as K7Q-4MD")
	case isReference:
		return orNotFound(err, "there is no attempt with reference "+reference, "attempts are kept for 90 days; try the e-mail address")
	}
	return orNotFound(err, fmt.Sprintf("there is no user %.70q", who), "look with why, or with users list")
}

// fixOf puts a way out into words, with the command that does it.
func (h *House) fixOf(f story.Fix, p patient) fix {
	switch f.Code {
	case story.NoPassword:
		return fix{Sentence: "They have no password. Give them one.", Command: h.program() + " users password " + quoted(p.address)}
	case story.MailRetry:
		return fix{Sentence: "A mail waits for its next try. To try now:", Command: h.program() + " mail retry " + quoted(f.Mail)}
	case story.MailFailed:
		return fix{
			Sentence: "A mail did not arrive: see what the server said. Meanwhile, give them a new password.",
			Command:  h.program() + " users password " + quoted(f.To),
		}
	case story.ClearDelays:
		p.address, p.network = f.Address, f.Network
	default:
	}
	return h.remedy(cause.Cause(f.Cause), p)
}
