package main

import (
	"context"
	"fmt"
)

// measureAssertion loads the gateway with and without a signed assertion for the
// app, each beside a twin that sets as many bytes. One is signed for each session
// in a minute; what a request adds is finding it and sending it on.
func measureAssertion(ctx context.Context, b *bench) error {
	for _, store := range b.stores {
		servers, err := b.all(ctx, twin, store, withAssertion(twin), withAssertion(store))
		if err != nil {
			return err
		}
		samples, err := b.rounds1by1(ctx, servers, 32)
		if err != nil {
			return err
		}
		for i, s := range servers {
			name := "authenticated GET, 32 connections, no assertion"
			if s.site.audience != "" {
				name = "authenticated GET, 32 connections, Remote-Assertion on"
			}
			l := summary(name, s.name, samples[i])
			if s.site.store != "" {
				l.Wanted = fmt.Sprintf("req/s >= %.2f, CPU <= %.2f of the twin", wantThroughput, wantCPU)
			}
			b.add(l)
		}
		if err := b.windows(ctx, servers[2:], "Remote-Assertion on: ", withAssertion(store)); err != nil {
			return err
		}
	}
	return nil
}
