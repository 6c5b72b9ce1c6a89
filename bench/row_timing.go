package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
)

// measureTiming asks whether a stranger can tell a wrong password from an unknown
// address by the clock: one try after the other, in random order, each from a
// network of its own.
func measureTiming(ctx context.Context, b *bench) error {
	s, err := b.server(ctx, bolt)
	if err != nil {
		return err
	}
	const warmUp = 10
	n := 50*b.rounds + warmUp
	var wrong, unknown []float64
	for i := range 2 * n {
		// Each user once: what was tried before shows in the budgets.
		t := loginTry{email: email(i % fewUsers), password: "not the password", address: anywhere()}
		known := rand.N(2) == 0
		if !known {
			t.email = nobody()
		}
		a, err := s.login(ctx, t)
		if err != nil {
			return err
		}
		if a.status != http.StatusUnauthorized {
			return fmt.Errorf("a wrong login was answered %d", a.status)
		}
		switch ms := a.took.Seconds() * 1000; {
		case i < 2*warmUp:
		case known:
			wrong = append(wrong, ms)
		default:
			unknown = append(unknown, ms)
		}
	}
	l := line{Row: "wrong password and unknown address", Server: bolt}
	l.Result = fmt.Sprintf("%.2f and %.2f ms (medians of %d and %d); p = %.2f (Mann-Whitney) that chance alone makes such a difference",
		median(wrong), median(unknown), len(wrong), len(unknown), mannWhitney(wrong, unknown))
	l.Wanted = "no difference: p > 0.05 in most runs"
	b.add(l)
	return nil
}
