//go:build race

package kit

// race: the tests run with the race detector, so the binary has it too.
const race = true
