package main

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestQuantilesLieBetweenTheirNeighbours(t *testing.T) {
	v := []float64{4, 1, 3, 2}
	for q, want := range map[float64]float64{0: 1, 0.5: 2.5, 1: 4} {
		if got := quantile(v, q); got != want {
			t.Errorf("quantile(%v, %v) = %v, want %v", v, q, got, want)
		}
	}
	if got := median([]float64(nil)); got != 0 {
		t.Errorf("the median of nothing is %v, want 0", got)
	}
}

func TestMannWhitneyTellsSamplesApart(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	sample := func(shift float64) []float64 {
		v := make([]float64, 300)
		for i := range v {
			v[i] = random.NormFloat64() + shift
		}
		return v
	}
	if p := mannWhitney(sample(0), sample(0)); p < 0.01 {
		t.Errorf("two samples of one distribution: p = %v", p)
	}
	if p := mannWhitney(sample(0), sample(0.5)); p > 0.001 {
		t.Errorf("samples half a deviation apart: p = %v", p)
	}
	if p := mannWhitney([]float64{1, 1, 1}, []float64{1, 1}); p != 1 {
		t.Errorf("equal values only: p = %v, want 1", p)
	}
	// By hand: ranks of a are 1, 2, 3 of 6, so U = 0, mean 4.5, deviation sqrt(5.25).
	want := math.Erfc(4 / math.Sqrt(5.25) / math.Sqrt2)
	if p := mannWhitney([]float64{1, 2, 3}, []float64{4, 5, 6}); math.Abs(p-want) > 1e-12 {
		t.Errorf("p = %v, want %v", p, want)
	}
}
