//go:build !race

package kit

// race: see race_on.go.
const race = false

// Weight is how many times as much memory the binary takes as one for release.
const Weight = 1
