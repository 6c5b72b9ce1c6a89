//go:build !linux && !darwin && !freebsd

package boltstore

func diskFree(string) (bytes int64, ok bool) { return 0, false }
