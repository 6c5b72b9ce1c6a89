package engine

import (
	"fmt"

	"github.com/cliendo/gateway/caddymodule/store"
)

// CheckScan looks at the arguments of a Scan. Prefix and after may be empty.
func CheckScan(tag string, kind store.Kind, prefix, after string) error {
	if !kind.Listed {
		return fmt.Errorf("%w: kind %q is not listed", store.ErrKey, kind.Name)
	}
	if err := store.CheckTag(tag); err != nil {
		return err
	}
	// An empty part is no id of a listed kind, but a fine bound.
	for _, part := range []string{prefix, after} {
		if part == "" {
			continue
		}
		if err := kind.CheckID(part); err != nil {
			return err
		}
	}
	return kind.Check()
}
