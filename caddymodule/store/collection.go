package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Collection is a kind of record with its Go type. Values are a version byte
// followed by JSON; a version this code does not know is an error, never "not
// found".
type Collection[T any] struct {
	Kind Kind
}

const encodingVersion = '1'

// Encode returns v as it is stored.
func (c Collection[T]) Encode(v *T) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", c.Kind.Name, err)
	}
	return append([]byte{encodingVersion}, body...), nil
}

// Decode reads what Encode wrote.
func (c Collection[T]) Decode(value []byte) (*T, error) {
	if len(value) == 0 || value[0] != encodingVersion {
		return nil, fmt.Errorf("decoding %s: unknown encoding", c.Kind.Name)
	}
	v := new(T)
	if err := json.Unmarshal(value[1:], v); err != nil {
		return nil, fmt.Errorf("decoding %s: %w", c.Kind.Name, err)
	}
	return v, nil
}

// Get reads one record, or ErrNotFound.
func (c Collection[T]) Get(ctx context.Context, r Reader, tag, id string) (*T, error) {
	value, err := r.Get(ctx, Key{Tag: tag, Kind: c.Kind, ID: id})
	if err != nil {
		return nil, err
	}
	return c.Decode(value)
}

// Read reads one record inside an Update, or ErrNotFound.
func (c Collection[T]) Read(tx Tx, id string) (*T, error) {
	value, err := tx.Get(c.Kind, id)
	if err != nil {
		return nil, err
	}
	return c.Decode(value)
}

// Put writes one record inside an Update. A zero expires means never.
func (c Collection[T]) Put(tx Tx, id string, v *T, expires time.Time) error {
	value, err := c.Encode(v)
	if err != nil {
		return err
	}
	return tx.Put(c.Kind, id, value, expires)
}

// Delete removes one record inside an Update. One that is not there is no error.
func (c Collection[T]) Delete(tx Tx, id string) error { return tx.Delete(c.Kind, id) }

// Item is a record and its id.
type Item[T any] struct {
	ID    string
	Value *T
}

// Scan returns up to limit records of a Listed kind, ordered by id: those after
// the id "after" that begin with prefix.
func (c Collection[T]) Scan(ctx context.Context, r Reader, tag, prefix, after string, limit int) ([]Item[T], error) {
	entries, err := r.Scan(ctx, tag, c.Kind, prefix, after, limit)
	if err != nil {
		return nil, err
	}
	items := make([]Item[T], 0, len(entries))
	for _, e := range entries {
		v, err := c.Decode(e.Value)
		if err != nil {
			return nil, err
		}
		items = append(items, Item[T]{ID: e.ID, Value: v})
	}
	return items, nil
}
