package main

import (
	"cmp"
	"math"
	"slices"
)

// number is what can be counted.
type number interface {
	~int | ~int64 | ~float64
}

// quantile returns the value below which the share q of v lies, 0 for none.
func quantile[T number](v []T, q float64) T {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	at := q * float64(len(s)-1)
	low, high := s[int(math.Floor(at))], s[int(math.Ceil(at))]
	return low + T(float64(high-low)*(at-math.Floor(at)))
}

func median[T number](v []T) T { return quantile(v, 0.5) }

// mannWhitney returns how likely two samples as different as these are when both
// come from the same distribution: the two-sided p-value of the rank test, by the
// normal approximation with the correction for ties. Samples should have 20 or more.
func mannWhitney(a, b []float64) float64 {
	type value struct {
		v     float64
		first bool
	}
	all := make([]value, 0, len(a)+len(b))
	for _, v := range a {
		all = append(all, value{v, true})
	}
	for _, v := range b {
		all = append(all, value{v, false})
	}
	slices.SortFunc(all, func(x, y value) int { return cmp.Compare(x.v, y.v) })
	var ranks, ties float64
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].v == all[i].v {
			j++
		}
		same := float64(j - i)
		ties += same*same*same - same
		for ; i < j; i++ {
			if all[i].first {
				ranks += float64(j) - (same-1)/2
			}
		}
	}
	n, m := float64(len(a)), float64(len(b))
	u := ranks - n*(n+1)/2
	spread := math.Sqrt(n * m / 12 * (n + m + 1 - ties/((n+m)*(n+m-1))))
	if spread == 0 {
		return 1
	}
	z := max(math.Abs(u-n*m/2)-0.5, 0) / spread
	return math.Erfc(z / math.Sqrt2)
}
