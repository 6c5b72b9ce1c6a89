package caddymodule

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/cliendo/gateway/caddymodule/operate"
)

// bar shows how far a command is, on the last line of a terminal. Elsewhere it
// shows nothing.
type bar struct {
	w    io.Writer // nil: no terminal
	size int64     // of the file, where that is known
	now  func() time.Time

	mu    sync.Mutex
	begun time.Time
	drawn bool
}

// barWidth is how many marks a full bar has.
const barWidth = 30

func newBar(w io.Writer) *bar {
	b := &bar{now: time.Now}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		b.w = w
	}
	return b
}

func (b *bar) show(p operate.Progress) {
	if b.w == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if b.begun.IsZero() {
		b.begun = now
	}
	b.drawn = true
	say(b.w, "\r\x1b[K%s", b.line(p, now.Sub(b.begun)))
}

// line is what the bar says: how much of the file, or how many, and how long the
// rest may take.
func (b *bar) line(p operate.Progress, took time.Duration) string {
	text := fmt.Sprintf("%d %s", p.Done, p.What)
	if p.Failed > 0 {
		text += fmt.Sprintf(", %d not taken", p.Failed)
	}
	if b.size <= 0 || p.Bytes <= 0 {
		return text
	}
	part := min(float64(p.Bytes)/float64(b.size), 1)
	full := int(part * barWidth)
	text = fmt.Sprintf("[%s%s] %3.0f %%  %s", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), part*100, text)
	if left := time.Duration(float64(took) * (1 - part) / part); took > time.Second && left > 0 {
		text += fmt.Sprintf(", %s left", left.Round(time.Second))
	}
	return text
}

// clear takes the bar away, so that something else can be said.
func (b *bar) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.drawn {
		b.drawn = false
		say(b.w, "\r\x1b[K")
	}
}
