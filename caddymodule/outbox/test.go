package outbox

import (
	"context"
	"errors"
	"fmt"

	"github.com/cliendo/gateway/caddymodule/secret"
)

// ErrNoMailer says that no mail is configured.
var ErrNoMailer = errors.New("no mail is configured")

// Test sends a mail at once, past queue and quotas, and returns what the server
// said. It is for operators who want to see whether mails arrive.
func (o *Outbox) Test(ctx context.Context, to, locale string) (Answer, error) {
	if o.Mailer == nil {
		return Answer{}, ErrNoMailer
	}
	if err := CheckAddress(to); err != nil {
		return Answer{}, fmt.Errorf("%w: %w", ErrRejected, err)
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	now := o.Now()
	m := Message{
		ID: secret.NewTicketID(now), From: o.From, FromName: o.FromName, To: to, Locale: "nl", Date: now,
		Subject: "Proefmail van " + o.FromName,
		Text:    "Dit is een proefmail. Je leest hem, dus mails van " + o.FromName + " komen hier aan.\n",
	}
	if locale == "en" {
		m.Locale, m.Subject = "en", "Test mail from "+o.FromName
		m.Text = "This is a test mail. You are reading it, so mails from " + o.FromName + " arrive here.\n"
	}
	m.MessageID = m.ID + "@" + o.Domain
	answer, err := o.Mailer.Send(ctx, m)
	if err != nil && answer.Message == "" {
		answer.Message = err.Error()
	}
	return answer, err
}
