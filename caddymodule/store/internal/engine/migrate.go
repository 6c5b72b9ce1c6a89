package engine

import (
	"bytes"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Steps returns the migrations that lead from one schema version to another, in
// order.
func Steps(all []store.Migration, from, to int) ([]store.Migration, error) {
	var steps []store.Migration
	for v := from; v < to; v++ {
		found := false
		for _, m := range all {
			if m.From == v {
				steps, found = append(steps, m), true
				break
			}
		}
		if !found {
			return nil, fmt.Errorf("no migration leads from schema %d to %d; go through an older gateway first", v, v+1)
		}
	}
	return steps, nil
}

// Migrate returns the sealed value of a record after steps: raw itself when
// nothing changes, nil when the record has expired and should go.
func Migrate(steps []store.Migration, key store.Key, raw []byte, now time.Time) ([]byte, error) {
	value, expires, live, err := Unseal(raw, now)
	if err != nil {
		return nil, fmt.Errorf("migrating %s: %w", key.Kind.Name, err)
	}
	if !live {
		return nil, nil
	}
	migrated := bytes.Clone(value)
	for _, m := range steps {
		if migrated, err = m.Value(key, migrated); err != nil {
			return nil, fmt.Errorf("migrating %s from schema %d: %w", key.Kind.Name, m.From, err)
		}
	}
	if bytes.Equal(migrated, value) {
		return raw, nil
	}
	return Seal(migrated, expires), nil
}
