package transfer_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/transfer"
)

// A store that a gateway uses is not restored, whatever configuration that gateway
// has; one that stopped, or was killed a while ago, keeps nobody from it. What was
// alive when the backup was made is not alive in what is restored.
func TestAStoreInUseIsNotRestored(t *testing.T) {
	testkit.OnEngines(t, testkit.Monday, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		ctx, records := t.Context(), s.(transfer.Records)
		put := func(id string) {
			t.Helper()
			testkit.Must(t, s.Update(ctx, store.AccountTag(id), func(tx store.Tx) error {
				return store.Accounts.Put(tx, id, &store.Account{ID: id}, time.Time{})
			}))
		}
		has := func(id string) bool {
			_, err := store.Accounts.Get(ctx, s, store.AccountTag(id), id)
			return err == nil
		}
		put("before")
		testkit.Must(t, transfer.Alive(ctx, s, "a", "node-1", c.Now()))
		var file bytes.Buffer
		if _, err := transfer.Backup(ctx, &file, transfer.BackupOptions{Store: records, Now: c.Now}); err != nil {
			t.Fatal(err)
		}
		put("after")
		restore := func() error {
			_, err := transfer.Restore(ctx, bytes.NewReader(file.Bytes()), transfer.RestoreOptions{Store: records, Replace: true, Now: c.Now})
			return err
		}
		c.Push(40 * time.Second)
		testkit.Must(t, transfer.Alive(ctx, s, "a", "node-1", c.Now()))
		c.Push(40 * time.Second)
		if err := restore(); !errors.Is(err, transfer.ErrInUse) || !has("after") {
			t.Fatalf("under a gateway that is alive: %v, the records are there: %v", err, has("after"))
		}
		if err := transfer.Unfinished(ctx, s); err != nil {
			t.Errorf("it left a mark: %v", err)
		}
		c.Push(10 * time.Second)
		testkit.Must(t, restore())
		if has("after") || !has("before") {
			t.Error("not restored")
		}
		testkit.Must(t, restore()) // and once more: nobody came back to life
	})
}
