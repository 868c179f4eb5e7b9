package digest

import "strings"

// challenge is one way in which the camera would take the password.
type challenge struct {
	scheme                          string // digest or basic, lower case
	realm, nonce, opaque, algorithm string
	qop                             bool // auth is offered; without it, as RFC 2069 has it
	stale                           bool // the password was right, the nonce is old
}

// strength orders what is known; 0 is what is not.
func (c *challenge) strength() int {
	switch a := strings.TrimSuffix(strings.ToUpper(c.algorithm), "-SESS"); {
	case c.scheme == "basic":
		return 1
	case c.scheme != "digest" || c.nonce == "":
		return 0
	case a == "SHA-256":
		return 3
	case a == "" || a == "MD5":
		return 2
	}
	return 0
}

// Limits of a header from outside.
const (
	maxHeader = 4096 // bytes
	maxParams = 32
)

// parse reads a WWW-Authenticate header (RFC 7235, 4.1), which may hold several
// challenges. What can't be read is left out.
func parse(h string) (all []challenge) {
	if len(h) > maxHeader {
		return nil
	}
	var c *challenge
	for n := 0; h != "" && n < maxParams; n++ {
		h = strings.TrimLeft(h, " \t,")
		end := strings.IndexAny(h, " \t,=")
		if end < 0 {
			end = len(h)
		}
		word := h[:end]
		h = strings.TrimLeft(h[end:], " \t")
		if !strings.HasPrefix(h, "=") { // no parameter, so a scheme
			if word == "" {
				continue
			}
			all = append(all, challenge{scheme: strings.ToLower(word)})
			c = &all[len(all)-1]
			continue
		}
		var value string
		value, h = unquote(strings.TrimLeft(h[1:], " \t"))
		if c != nil {
			c.set(strings.ToLower(word), value)
		}
	}
	return all
}

// unquote takes a token or a quoted string from the front.
func unquote(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, " \t,")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), "" // the end is missing
}

func (c *challenge) set(name, value string) {
	if strings.ContainsAny(value, "\r\n") {
		return
	}
	switch name {
	case "realm":
		c.realm = value
	case "nonce":
		c.nonce = strings.ReplaceAll(value, `"`, "")
	case "opaque":
		c.opaque = strings.ReplaceAll(value, `"`, "")
	case "algorithm":
		c.algorithm = value
	case "stale":
		c.stale = strings.EqualFold(value, "true")
	case "qop":
		for q := range strings.SplitSeq(value, ",") {
			c.qop = c.qop || strings.EqualFold(strings.TrimSpace(q), "auth")
		}
	}
}
