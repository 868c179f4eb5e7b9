package digest

import (
	"crypto/md5" //nolint:gosec // the scheme of the cameras, not our choice
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// Account is a user and what the camera has asked for.
type Account struct {
	User, Password string

	challenge *challenge
	count     uint32 // of requests with the nonce (nc)
	accepted  bool   // the password was taken once
}

// ErrScheme means that the camera asks in a way that nobody here knows.
var ErrScheme = errors.New("the camera asks for the password in a way that is not known here: set digest authentication in the camera")

// Asked tells whether a challenge was taken.
func (a *Account) Asked() bool { return a.challenge != nil }

// Accepted notes that the camera took the password.
func (a *Account) Accepted() { a.accepted = a.accepted || a.challenge != nil }

// Forget drops the challenge: the next one comes from another host.
func (a *Account) Forget() { a.challenge, a.count, a.accepted = nil, 0, false }

// Take takes the challenges of one answer, the WWW-Authenticate headers: the
// strongest counts. again tells whether the request may be sent once more: the
// camera had not asked before, or it wants a newer nonce – which some say with
// stale=true and others only by sending one. Otherwise user or password are wrong,
// and trying them again would only lock the user out.
func (a *Account) Take(headers []string) (again bool, err error) {
	var best *challenge
	for _, h := range headers {
		for _, c := range parse(h) {
			if c.strength() > 0 && (best == nil || c.strength() > best.strength()) {
				best = &c
			}
		}
	}
	if best == nil {
		return false, ErrScheme
	}
	old := a.challenge
	a.challenge = best
	another := old == nil || old.nonce != best.nonce
	if another {
		a.count = 0
	}
	return old == nil || best.stale || another && a.accepted, nil
}

// Authorization is the header for one request; "" before anybody has asked.
func (a *Account) Authorization(method, uri string) string {
	c := a.challenge
	if c == nil {
		return ""
	}
	if c.scheme == "basic" {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(a.User+":"+a.Password))
	}
	a.count++
	return c.answer(a.User, a.Password, method, uri, nonce(), a.count)
}

func nonce() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// answer computes the response (RFC 7616, 3.4; without qop RFC 2069, 2.1.2).
func (c *challenge) answer(user, password, method, uri, cnonce string, count uint32) string {
	sum := func(parts ...string) string {
		h := c.hash()
		h.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(h.Sum(nil))
	}
	nc := fmt.Sprintf("%08x", count)
	a1 := sum(user, c.realm, password)
	if strings.HasSuffix(strings.ToLower(c.algorithm), "-sess") {
		a1 = sum(a1, c.nonce, cnonce)
	}
	a2 := sum(method, uri)
	var b strings.Builder
	fmt.Fprintf(&b, `Digest username="%s", realm="%s", nonce="%s", uri="%s"`, escape(user), escape(c.realm), c.nonce, uri)
	if c.qop {
		fmt.Fprintf(&b, `, response="%s", qop=auth, nc=%s, cnonce="%s"`, sum(a1, c.nonce, nc, cnonce, "auth", a2), nc, cnonce)
	} else {
		fmt.Fprintf(&b, `, response="%s"`, sum(a1, c.nonce, a2))
	}
	if c.algorithm != "" {
		b.WriteString(", algorithm=" + c.algorithm)
	}
	if c.opaque != "" {
		fmt.Fprintf(&b, `, opaque="%s"`, c.opaque)
	}
	return b.String()
}

func (c *challenge) hash() hash.Hash {
	if strings.HasPrefix(strings.ToUpper(c.algorithm), "SHA-256") {
		return sha256.New()
	}
	return md5.New() //nolint:gosec // as above
}

func escape(s string) string { return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) }
