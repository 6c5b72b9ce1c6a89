//go:build race

package kit

// race: the tests run with the race detector, so the binary has it too.
const race = true

// Weight is how many times as much memory the binary takes as one for release: the
// race detector keeps notes of all that was touched.
const Weight = 4
