//go:build !unix

package passhash

func stepBack() error { return nil }
