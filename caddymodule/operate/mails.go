package operate

import (
	"context"
	"errors"
	"strconv"

	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/story"
)

// Outbox are the mails that were written. *outbox.Outbox is one.
type Outbox interface {
	story.Mails
	List(ctx context.Context, after string, n int) ([]outbox.Listed, error)
	Retry(ctx context.Context, id string) error
	Test(ctx context.Context, to, locale string) (outbox.Answer, error)
}

func listMails(ctx context.Context, h *House, in *input) (outcome, error) {
	n, err := count(in)
	if err != nil {
		return outcome{}, err
	}
	listed, err := h.Outbox.List(ctx, in.value("after"), n+1)
	if err != nil {
		return outcome{}, err
	}
	data := struct {
		Mails []*mailView `json:"mails"`
		Next  string      `json:"next,omitempty"`
	}{Mails: []*mailView{}}
	rows := [][]string{{"ASKED", "KIND", "TO", "STATE", "TRIES", "LAST ANSWER", "ID"}}
	for i, l := range listed {
		if i == n {
			data.Next = listed[n-1].ID
			break
		}
		if l.Mail == nil { // never written, or not yet
			continue
		}
		m := l.Mail
		data.Mails = append(data.Mails, viewMail(m, l.Ref))
		rows = append(rows, []string{
			h.clock(m.Created), m.Kind, m.To, m.State, strconv.Itoa(len(m.Tries)), lastAnswer(m), m.ID,
		})
	}
	o := outcome{data: data}
	o.list(rows, data.Next)
	return o, nil
}

func lastAnswer(m *store.Mail) string {
	if len(m.Tries) == 0 {
		return ""
	}
	return said(m.Tries[len(m.Tries)-1])
}

// said is an answer in one line: 550 5.1.1 text.
func said(a store.MailAnswer) string {
	text := a.Message
	if a.Status != "" {
		text = a.Status + " " + text
	}
	if a.Code != 0 {
		text = strconv.Itoa(a.Code) + " " + text
	}
	return text
}

func showMail(ctx context.Context, h *House, in *input) (outcome, error) {
	m, ref, err := h.Outbox.Mail(ctx, in.who)
	if err != nil {
		return outcome{}, noMail(in.who, err)
	}
	v := viewMail(m, ref)
	o := outcome{data: v}
	to := m.To
	if v.Nobody {
		to += " (nobody has this address)"
	}
	o.text.line("Mail %s: %s", m.ID, m.State)
	o.text.pairs("", "kind", m.Kind, "to", to, "language", m.Locale, "asked", h.clock(m.Created), "useless", h.clock(m.Expires))
	if m.State == outbox.Deferred || m.State == outbox.Queued {
		o.text.pairs("", "next try", h.clock(m.Due))
	}
	for i, t := range m.Tries {
		o.text.line("try %d at %s, %s: %s", i+1, h.clock(t.At), t.Server, said(t))
	}
	return o, nil
}

func noMail(id string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return notFound("there is no mail "+short(id), "take an id from mail list")
	}
	return err
}

func retryMail(ctx context.Context, h *House, in *input) (outcome, error) {
	err := h.Outbox.Retry(ctx, in.who)
	if errors.Is(err, outbox.ErrSettled) {
		return outcome{}, &Error{
			Exit: ExitRefused, Message: "the mail is settled, and what it said is wiped", Fix: "have the person ask for a new one",
		}
	}
	if err != nil {
		return outcome{}, noMail(in.who, err)
	}
	o := outcome{data: struct {
		ID string `json:"id"`
	}{in.who}}
	o.text.line("Mail %s is tried again now. Its answer: %s mail show %s", in.who, h.program(), quoted(in.who))
	return o, nil
}

func testMail(ctx context.Context, h *House, in *input) (outcome, error) {
	if err := outbox.CheckAddress(in.who); err != nil {
		return outcome{}, usage("--to", err.Error(), "give one plain address")
	}
	answer, err := h.Outbox.Test(ctx, in.who, in.value("locale"))
	if errors.Is(err, outbox.ErrNoMailer) {
		return outcome{}, &Error{Exit: ExitFailed, Message: "no mail is configured", Fix: "write mail { ... } into the config"}
	}
	tried := store.MailAnswer{
		At: h.now(), Server: answer.Server, Code: answer.Code, Status: answer.Status, Message: answer.Message,
	}
	o := outcome{data: struct {
		To       string `json:"to"`
		Accepted bool   `json:"accepted"`
		store.MailAnswer
	}{in.who, err == nil, tried}}
	if err != nil {
		o.exit = ExitFailed
		o.text.line("Nobody took the mail to %s: %s", in.who, said(tried))
		return o, nil
	}
	o.text.line("%s took the mail to %s: %s", answer.Server, in.who, said(tried))
	o.text.line("See whether it arrives, and not among spam.")
	return o, nil
}
