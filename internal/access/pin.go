package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"strings"
)

// A PIN is kept as an HMAC with a salt of its own, so that equal PINs do not look
// alike. To find whose it is without trying all 20,000, eight bits of a hash
// without salt sort them; they tell an attacker next to nothing.

const saltBytes = 16

// pinEntry is one PIN in the index.
type pinEntry struct {
	salt       []byte
	mac        mac
	credential *Credential
}

// anyTag is that of PINs from before they were salted.
const anyTag = -1

func newSalt() ([]byte, error) {
	salt := make([]byte, saltBytes)
	_, err := rand.Read(salt)
	return salt, err
}

func (x *Access) pinMAC(salt []byte, pin string) mac {
	if len(salt) == 0 {
		return x.mac("pin", pin)
	}
	h := hmac.New(sha256.New, x.key)
	h.Write([]byte("salted pin\x00"))
	h.Write(salt)
	h.Write([]byte(pin))
	return mac(h.Sum(nil))
}

func (x *Access) pinTag(pin string) int {
	m := x.mac("pin tag", pin)
	return int(m[0])
}

// splitPIN reads what was typed: a PIN, or the household's number, a star and the
// PIN, where a door's keypad asks for both.
func splitPIN(typed string) (household, pin string) {
	if before, after, ok := strings.Cut(typed, "*"); ok && len(before) <= 40 {
		return before, after
	}
	return "", typed
}

// findPIN finds whose PIN it is; a revoked one only where there is no other. x.mu
// is held.
func (x *Access) findPIN(typed string) (best *Credential) {
	household, pin := splitPIN(typed)
	for _, tag := range []int{x.pinTag(pin), anyTag} {
		for _, e := range x.ix.pins[tag] {
			c := e.credential
			if household != "" && c.Person.Household != household || best != nil && best.Revoked == 0 {
				continue
			}
			if m := x.pinMAC(e.salt, pin); hmac.Equal(m[:], e.mac[:]) && (best == nil || best.Revoked < c.Revoked || c.Revoked == 0) {
				best = c
			}
		}
	}
	return best
}

func (ix *index) putPIN(r credentialRow, c *Credential) {
	ix.pins[r.tag] = append(ix.pins[r.tag], pinEntry{r.salt, r.mac, c})
	if !slices.Contains(ix.pinTags[r.person], r.tag) {
		ix.pinTags[r.person] = append(ix.pinTags[r.person], r.tag)
	}
}

func (ix *index) dropPINs(p *Person) {
	for _, tag := range ix.pinTags[p.ID] {
		ix.pins[tag] = slices.DeleteFunc(ix.pins[tag], func(e pinEntry) bool { return e.credential.Person == p })
	}
	delete(ix.pinTags, p.ID)
}
