package notify

import (
	"net/url"
	"strings"
)

// masked is an error whose text holds neither a key of the channel nor where a
// person is reached: receivers like to repeat in their answer what they were sent.
type masked struct {
	error
	text string
}

func (m *masked) Error() string { return m.text }

func (m *masked) Unwrap() error { return m.error }

const (
	maskedBy = "***"
	// shortestMasked keeps a nickname of two letters from cutting words to pieces.
	shortestMasked = 4
)

// mask takes what must not be shown out of the text of an error of the letter.
func (e *envelope) mask(err error) error {
	if err == nil {
		return nil
	}
	hide := append([]string{}, e.lane.Secrets...)
	for i := range e.rows {
		hide = append(hide, e.rows[i].Address)
	}
	text := err.Error()
	for _, s := range hide {
		if len(s) >= shortestMasked && s != "@all" {
			text = strings.ReplaceAll(text, s, maskedBy)
		}
	}
	if text == err.Error() {
		return err
	}
	return &masked{err, text}
}

// keysIn are the parts of an address that may be a key: the values of its query, its
// password, and long parts of its path, each also as it is written in the address.
func keysIn(address string) (keys []string) {
	u, err := url.Parse(address)
	if err != nil {
		return []string{address}
	}
	for _, values := range u.Query() {
		for _, v := range values {
			keys = append(keys, v, url.QueryEscape(v))
		}
	}
	if password, ok := u.User.Password(); ok {
		keys = append(keys, password)
	}
	const word = 16 // bytes; what is shorter is a word such as send
	for part := range strings.SplitSeq(u.Path, "/") {
		if len(part) >= word {
			keys = append(keys, part)
		}
	}
	return keys
}
