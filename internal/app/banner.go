package app

import (
	"fmt"
	"io"
	"strings"
)

// account is a line of the start block.
type account struct{ page, login, password, what string }

// banner is the one block that goes to standard output.
type banner struct {
	version  string
	url      string
	lines    [][2]string // what, where
	accounts []account
}

func (b *banner) print(w io.Writer) error {
	var s strings.Builder
	fmt.Fprintf(&s, "\n  东岳中枢 Dongyue Hub %s\n\n", b.version)
	fmt.Fprintf(&s, "  %s/dispatch\n\n", b.url)
	for _, l := range b.lines {
		fmt.Fprintf(&s, "  %-10s %s\n", l[0], l[1])
	}
	if len(b.accounts) > 0 {
		wide := len("password")
		for _, a := range b.accounts {
			wide = max(wide, len(a.password))
		}
		fmt.Fprintf(&s, "\n  %-11s %-*s  page\n", "account", wide, "password")
		for _, a := range b.accounts {
			fmt.Fprintf(&s, "  %-11s %-*s  %s%s  %s\n", a.login, wide, a.password, b.url, a.page, a.what)
		}
	}
	s.WriteByte('\n')
	_, err := io.WriteString(w, s.String())
	return err
}
