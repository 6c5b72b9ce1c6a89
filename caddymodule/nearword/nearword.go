// Package nearword finds the word that was probably meant by a mistyped one.
package nearword

import (
	"fmt"
	"strings"
)

// Nearest returns the one of words that comes nearest to a mistyped one, and nothing
// where none is near.
func Nearest(typed string, words []string) string {
	best, distance := "", 1+min(len(typed)/2, 3)
	for _, w := range words {
		if d := editDistance(typed, w); d < distance {
			best, distance = w, d
		}
	}
	return best
}

// DidYouMean names the one of words that comes nearest to a mistyped one, or all
// where none is near.
func DidYouMean(typed string, words []string) string {
	best := Nearest(typed, words)
	if best == "" {
		return "; there are " + strings.Join(words, ", ")
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// editDistance counts the letters to add, drop or change, by Levenshtein.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
