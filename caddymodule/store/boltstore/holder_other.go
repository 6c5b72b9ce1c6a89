//go:build !linux

package boltstore

func holder(string) string { return "" }
