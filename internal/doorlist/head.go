package doorlist

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"dongyue/internal/event"
)

// Head is what the hub signs: what holds at the door, and the hash of its entries.
type Head struct {
	Door      string             `json:"door"`
	Version   uint64             `json:"version"`
	IssuedAt  time.Time          `json:"issued_at"`
	ExpiresAt time.Time          `json:"expires_at"` // nothing in it is good then
	Entries   int                `json:"entries"`
	Root      string             `json:"root"` // hex
	Salt      []byte             `json:"salt"`
	Stretch   Stretch            `json:"stretch"`
	CodeKey   []byte             `json:"code_key"` // of rotating codes, Ed25519
	Rung      string             `json:"rung"`     // where the door stands when it does not know otherwise: controlled or lockdown
	OffsetS   int                `json:"utc_offset_s"`
	Days      map[string]DayKind `json:"days,omitempty"` // 2026-10-01; those not named are like the week
	Classes   []Class            `json:"classes"`
	Sets      map[string][]Right `json:"sets"`               // by SetID in hex
	FirstIn   bool               `json:"first_in,omitempty"` // closed each day until somebody came whose right says first
}

// Class is how long credentials of some people are good without a fresh list.
type Class struct {
	Name string `json:"name"`
	ForS int64  `json:"for_s"`

	// Leave says that a credential of the class is over when its holder goes out.
	Leave bool `json:"leave,omitempty"`
}

// Right is one permission within a set: the most generous that holds counts.
type Right struct {
	When     string `json:"when"`
	From     uint32 `json:"from,omitempty"`
	To       uint32 `json:"to,omitempty"`
	First    bool   `json:"first,omitempty"`
	Lockdown bool   `json:"lockdown,omitempty"`
}

// The bounds of a list.
const (
	MaxHead    = 256 << 10
	MaxEntries = 60_000
	maxSets    = 4096
	MaxRights  = 64 // of a set
	maxClasses = 16
	maxDays    = 400
)

// signedAs keeps a signature of a head from being one of anything else.
const signedAs = "dongyue rights list 1\n"

// IDOf names a set of rights. They must be sorted, so that the same rights have one
// name.
func IDOf(rights []Right) SetID {
	b, err := json.Marshal(rights)
	if err != nil { // numbers and text always encode
		return SetID{}
	}
	sum := sha256.Sum256(b)
	return SetID(sum[:6])
}

func (s SetID) String() string { return hex.EncodeToString(s[:]) }

// Sign writes the head and its signature.
func (h *Head) Sign(key ed25519.PrivateKey) (head, sig []byte, err error) {
	if head, err = json.Marshal(h); err != nil {
		return nil, nil, fmt.Errorf("sign rights list: %w", err)
	}
	if len(head) > MaxHead || h.Entries > MaxEntries || len(h.Sets) > maxSets {
		return nil, nil, fmt.Errorf("sign rights list of %s: %d entries, %d sets and %d bytes of head are more than a door takes", h.Door, h.Entries, len(h.Sets), len(head))
	}
	return head, ed25519.Sign(key, append([]byte(signedAs), head...)), nil
}

// verify reads a signed head.
func verify(key ed25519.PublicKey, head, sig []byte) (h Head, err error) {
	if len(key) != ed25519.PublicKeySize || len(sig) != ed25519.SignatureSize || !ed25519.Verify(key, append([]byte(signedAs), head...), sig) {
		_ = json.Unmarshal(head, &h) // for the version in the report only
		return h, refuse(WrongSignature, h.Version, "the head is not signed by this door's hub")
	}
	if err := json.Unmarshal(head, &h); err != nil {
		return h, refuse(BadFormat, h.Version, "head: %v", err)
	}
	return h, h.check()
}

// check bounds what even a signed head may ask of a door.
func (h *Head) check() error {
	bad := func(format string, args ...any) error { return refuse(BadFormat, h.Version, format, args...) }
	rung, known := event.ParseRung(h.Rung)
	switch {
	case h.Version == 0:
		return bad("version 0")
	case len(h.Salt) != len(Salt{}) || len(h.CodeKey) != ed25519.PublicKeySize || !h.Stretch.sane():
		return bad("salt, code_key or stretch")
	case !known || rung != event.Controlled && rung != event.Lockdown:
		return bad("rung %q", h.Rung)
	case h.Entries < 0 || h.Entries > MaxEntries || len(h.Sets) > maxSets || len(h.Classes) > maxClasses || len(h.Days) > maxDays:
		return refuse(TooLarge, h.Version, "%d entries, %d sets, %d classes, %d days", h.Entries, len(h.Sets), len(h.Classes), len(h.Days))
	case h.OffsetS < -86400 || h.OffsetS > 86400:
		return bad("utc_offset_s")
	case !h.IssuedAt.Before(h.ExpiresAt):
		return bad("expires_at is not behind issued_at")
	}
	for _, c := range h.Classes {
		if c.ForS < 0 || c.ForS > int64(h.ExpiresAt.Sub(h.IssuedAt)/time.Second) {
			return bad("class %q is good for %d s, longer than the list", c.Name, c.ForS)
		}
	}
	return nil
}
