package operate_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/operate"
	"github.com/cliendo/gateway/caddymodule/store"
)

func TestCompactGivesRoomBack(t *testing.T) {
	h := onBolt(t)
	h.Engine = h.engine
	fill := func(tx store.Tx) error {
		for i := range 3000 {
			a := &store.Attempt{Typed: strings.Repeat("x", 300)}
			if err := store.Attempts.Put(tx, fmt.Sprint(i), a, h.now().Add(time.Minute)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := h.engine.Update(t.Context(), "r:x", fill); err != nil {
		t.Fatal(err)
	}
	h.push(time.Hour)
	r, err := h.Run(t.Context(), operate.Request{Group: "compact"})
	if err != nil {
		t.Fatal(err)
	}
	var bytes struct {
		Before int64 `json:"bytes_before"`
		After  int64 `json:"bytes_after"`
	}
	if err := json.Unmarshal(r.Data, &bytes); err != nil || bytes.After <= 0 || bytes.After > bytes.Before/2 {
		t.Errorf("%s, %v", r.Data, err)
	}
	if want := fmt.Sprintf("had %d bytes and has %d now", bytes.Before, bytes.After); !strings.Contains(r.Text, want) {
		t.Errorf("it says %q, not %q", r.Text, want)
	}
}

func TestCompactIsForFiles(t *testing.T) {
	h := onBolt(t)
	h.Engine = struct{ operate.Engine }{h.engine} // as a Redis: nothing to compact
	_, err := h.Run(t.Context(), operate.Request{Group: "compact"})
	if e := operate.AsError(err); err == nil || e.Exit != operate.ExitFailed || !strings.Contains(e.Message, "no bolt file") {
		t.Errorf("%v", err)
	}
}
