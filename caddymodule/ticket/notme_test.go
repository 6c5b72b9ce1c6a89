package ticket_test

import (
	"testing"

	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Who got into a mailbox can have many letters written. The one by which the first
// owner gets their address back is not pushed out of the book by them.
func TestTheWayBackToAnAddressIsNeverPushedOut(t *testing.T) {
	onNodes(t, func(w *world) {
		ctx := w.t.Context()
		write := func(kind string) string {
			o := w.book.Notice(ctx, w.reread(), ticket.Telling{Kind: kind, Origin: "https://app.example/gateway", To: "old@acme.test"})
			err := w.post.Send(ctx, o.Mail, func(tx store.Tx) error { return o.Open(tx, w.Now()) })
			if err != nil {
				w.t.Fatal(err)
			}
			return token(o.Mail.Letter.NotMe)
		}
		back := write(letter.AddressChanged)
		for range 40 {
			write(letter.SecondStepOff)
		}
		if f, err := w.book.Find(ctx, back); err != nil || !f.Revoking {
			w.t.Errorf("the way back: %+v, %v", f, err)
		}
		if before, err := w.book.Before(ctx, w.reread(), w.Now().Add(-1)); err != nil || before != "old@acme.test" {
			w.t.Errorf("the address before is %q, %v", before, err)
		}
	})
}
