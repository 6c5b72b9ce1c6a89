package outbox_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/filemailer"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest"
)

// What the process that is killed is told: the folder, and in which state of a
// mail it is to stop and wait for its end.
const (
	crashDir   = "OUTBOX_CRASH_DIR"
	crashState = "OUTBOX_CRASH_STATE"
)

// moments of a mail at which the process is killed.
var moments = []string{"listed", "written", "sending", "sent", "deferred", "recorded", "any"}

// beKilled is the process that is killed: it sends mails until then.
func beKilled() bool {
	dir, moment := os.Getenv(crashDir), os.Getenv(crashState)
	if dir == "" {
		return false
	}
	e, err := boltstore.Open(filepath.Join(dir, "g.db"), store.Options{})
	if err != nil {
		panic(err)
	}
	k := &killed{Engine: e, moment: moment, mailer: filemailer.New(filepath.Join(dir, "mail"))}
	o := outbox.New(k, outbox.Options{
		Mailer: k, Renderer: plain{}, Box: newBox(quiet{}), From: "login@example.com", Domain: "example.com",
		Poll: 10 * time.Millisecond, Lease: 300 * time.Millisecond, Parallel: 2,
	})
	go o.Run(context.Background())
	for i := 0; ; i++ {
		id := secret.NewTicketID(time.Now())
		d := outbox.Draft{
			ID: id, Owner: outbox.OfUser("acme", fmt.Sprint("u", i%3)), To: "anna@example.com", Until: time.Now().Add(time.Hour),
			Letter: letter.Letter{Kind: letter.Magic, Locale: "nl", Link: "x"},
		}
		if err := o.Send(context.Background(), d, nil); err != nil {
			panic(err)
		}
		_, _ = fmt.Fprintln(os.Stdout, "acknowledged", id)
		time.Sleep(time.Millisecond)
	}
}

type quiet struct{ testing.TB }

func (quiet) Helper()           {}
func (quiet) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// killed stops at its moment, says so, and goes on doing nothing.
type killed struct {
	store.Engine
	moment string
	mailer *filemailer.Mailer
}

func (k *killed) stop(moment string) {
	if k.moment == moment {
		_, _ = fmt.Fprintln(os.Stdout, "now")
		select {}
	}
}

func (k *killed) Update(ctx context.Context, tag string, fn func(store.Tx) error) error {
	err := k.Engine.Update(ctx, tag, fn)
	if tag == store.OutboxTag {
		k.stop("listed")
	} else {
		k.stop("written")
	}
	return err
}

func (k *killed) Send(ctx context.Context, m outbox.Message) (outbox.Answer, error) {
	k.stop("sending")
	if k.moment == "deferred" {
		defer time.AfterFunc(50*time.Millisecond, func() { k.stop("deferred") })
		return outbox.Answer{}, errLater
	}
	answer, err := k.mailer.Send(ctx, m)
	k.stop("sent")
	if k.moment == "recorded" {
		time.AfterFunc(20*time.Millisecond, func() { k.stop("recorded") })
	}
	return answer, err
}

func (k *killed) Close() error { return nil }

// A process is killed in each state of a mail, over and over on one file. What
// was acknowledged leaves in the end.
func TestKillingLosesNoMail(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for round := range storetest.Rounds(2*len(moments), 100) {
		killOnce(t, dir, moments[round%len(moments)], acknowledged)
	}
	if len(acknowledged) < 3 {
		t.Fatalf("only %d mails were acknowledged: this proves little", len(acknowledged))
	}
	e, err := boltstore.Open(filepath.Join(dir, "g.db"), store.Options{})
	c := &clock{}
	h := newHouse(t, c, e, err)
	o := outbox.New(e, outbox.Options{
		Mailer: filemailer.New(filepath.Join(dir, "mail")), Renderer: plain{}, Box: h.box, From: "login@example.com",
		Domain: "example.com", Poll: 10 * time.Millisecond, Now: h.now,
	})
	c.push(50 * time.Second) // leases lapse, deferred mails are due, orphans go a little later
	h.run(o)
	for id := range acknowledged {
		h.state(id, outbox.Accepted)
		if _, err := os.Stat(filepath.Join(dir, "mail", id+filemailer.Extension)); err != nil {
			t.Errorf("mail %s is called accepted, and was not sent: %v", id, err)
		}
	}
	c.push(2 * time.Minute)
	h.until("the queue is empty", func() bool { return h.queued() == 0 })
}

// killOnce runs the process until its moment, and kills it.
func killOnce(t *testing.T, dir, moment string, acknowledged map[string]bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir, crashState+"="+moment)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	lines := 0
	for in := bufio.NewScanner(out); in.Scan(); {
		id, ok := strings.CutPrefix(in.Text(), "acknowledged ")
		if lines++; ok {
			acknowledged[id] = true
		}
		if in.Text() == "now" || moment == "any" && lines > 5 {
			break
		}
	}
	if lines == 0 {
		t.Fatalf("the process ended before it was killed at %q", moment)
	}
}
