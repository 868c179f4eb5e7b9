package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in the settings, said so that a person can put it
// right without looking anything up.
type Problem struct {
	File string `json:"file"`           // as it was named; "environment" or "flags" for what came from there
	Line int    `json:"line,omitempty"` // from 1; 0 where there is none
	Col  int    `json:"col,omitempty"`  // from 1, in characters; 0 where there is none
	Path string `json:"path,omitempty"` // of the setting: mqtt.addr; empty for the file as a whole
	What string `json:"what"`           // is wrong
	Hint string `json:"hint,omitempty"` // what to write instead
}

// String is file:line:col: path: what; hint, without the parts that are not known.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Col)
	}
	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path)
		b.WriteString(": ")
	}
	b.WriteString(p.What)
	if p.Hint != "" {
		b.WriteString("; ")
		b.WriteString(p.Hint)
	}
	return b.String()
}

// Problems is every mistake that one Load found, in the order of the lines.
type Problems []Problem

// Error is one problem a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].String()
	}
	return strings.Join(lines, "\n")
}

// err sorts the problems; nil when there are none.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(rankOf(a), rankOf(b)), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return p
}

// rankOf puts the file before environment and flags.
func rankOf(p Problem) int {
	if p.Line > 0 {
		return 0
	}
	return 1
}

// nearest returns the candidate most like the word, "" when none is alike: at
// most a third of its letters, and at most three, differ.
func nearest(word string, candidates []string) string {
	best, dist := "", min(3, max(1, len(word)/3))+1
	for _, c := range candidates {
		if d := distance(word, c); d < dist {
			best, dist = c, d
		}
	}
	return best
}

// distance is the number of letters to add, drop, change or swap with the next
// one to make a of b (optimal string alignment).
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	before, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(b)]
}
