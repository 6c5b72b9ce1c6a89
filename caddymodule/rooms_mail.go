package caddymodule

import (
	"context"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
)

// mails makes the outbox of these rooms, nil where no mail is configured. It
// sends nothing yet.
func (r *rooms) mails() (*outbox.Outbox, error) {
	if r.settings.Mail == nil {
		return nil, nil //nolint:nilnil // no mail is a choice, not a fault
	}
	mailer, err := r.mailer.Mailer(r.settings.PublicURL.Hostname())
	if err != nil {
		return nil, fmt.Errorf("making the mailer: %w", err)
	}
	o := r.settings.outboxOptions(mailer)
	o.Log, o.Tally = r.log, r.tally
	if r.places != nil {
		o.Places = r.places
	}
	if o.Renderer, err = r.settings.letters(letter.Options{Log: r.log}); err != nil {
		return nil, err
	}
	if o.Box, err = r.keys.NewBox(keyOutbox); err != nil {
		return nil, fmt.Errorf("preparing mails: %w", err)
	}
	return outbox.New(r.house.engine, o), nil
}

// sendMails begins to send. Over a reload the worker before is still at it:
// leases keep the two from sending the same.
func (r *rooms) sendMails() {
	if r.outbox != nil {
		go r.outbox.Run(context.Background())
	}
}

// stopMails lets what is being sent come to its end.
func (r *rooms) stopMails() error {
	if r.outbox == nil {
		return nil
	}
	return r.outbox.Close()
}

// mailTry bounds trying the relays for `check`.
const mailTry = 20 * time.Second

// checkMail says whether mails can leave, without sending one.
func checkMail(ctx context.Context, module MailerModule, hello string) store.Finding {
	f := store.Finding{Part: "mail", Level: levelOK}
	mailer, err := module.Mailer(hello)
	if err != nil {
		return store.Finding{Part: "mail", Level: levelError, Message: err.Error()}
	}
	defer func() { _ = mailer.Close() }()
	f.Message = module.Describe()
	tried, ok := mailer.(mailCheck)
	if !ok {
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, mailTry)
	defer cancel()
	if err := tried.Check(ctx); err != nil {
		f.Level, f.Message = levelError, "mails cannot leave: "+err.Error()
		f.Fix = "see that the relay runs and can be reached from here, and that tls, username and password are right"
	}
	return f
}

// operateMails is the outbox for commands: without mail there are none to send,
// and still those that were.
func (r *rooms) operateMails() *outbox.Outbox {
	if r.outbox == nil {
		return outbox.New(r.house.engine, outbox.Options{})
	}
	return r.outbox
}
