//go:build !race

package kit

// race: see race_on.go.
const race = false
