package doorlist

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"
)

// A rotating code is good for one half minute and for one opening. It reads
//
//	DY1. + base64url( ref 8 | step 4 | nonce 4 | scope 4 | Ed25519 signature 64 )
//
// which is 116 characters, a QR code of version 7. ref names the credential, step
// counts half minutes since 1970, scope is 0 for all of the holder's doors or the
// hash of one. Whoever has the public key can check it, also a door that is alone.
const (
	CodePrefix = "DY1."
	CodeStep   = 30 * time.Second
	CodeSlack  = 1 // steps, for a phone whose picture is a little old
	codeBody   = 8 + 4 + 4 + 4
	codeBytes  = codeBody + ed25519.SignatureSize
)

// Ref names a credential within a code.
type Ref [8]byte

// Code is what stands in a rotating code.
type Code struct {
	Ref   Ref
	Step  uint32
	Nonce [4]byte
	Scope uint32
	Sig   [ed25519.SignatureSize]byte
}

var errCode = errors.New("not a code of this hub's kind")

// IsCode reports whether a QR value means to be a rotating code; others are fixed
// values like a card's.
func IsCode(value string) bool { return strings.HasPrefix(value, CodePrefix) }

// ParseCode takes a code apart. It must be written in the one way in which it is
// made: what can be written in two ways could be shown twice.
func ParseCode(value string) (c Code, err error) {
	text, ok := strings.CutPrefix(value, CodePrefix)
	if !ok || len(text) != base64.RawURLEncoding.EncodedLen(codeBytes) {
		return c, errCode
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != codeBytes {
		return c, errCode
	}
	c.Ref, c.Step, c.Nonce = Ref(b[:8]), binary.BigEndian.Uint32(b[8:]), [4]byte(b[12:16])
	c.Scope, c.Sig = binary.BigEndian.Uint32(b[16:]), [ed25519.SignatureSize]byte(b[codeBody:])
	return c, nil
}

// Body is what is signed.
func (c Code) Body() []byte {
	b := make([]byte, 0, codeBytes)
	b = append(b, c.Ref[:]...)
	b = binary.BigEndian.AppendUint32(b, c.Step)
	b = append(b, c.Nonce[:]...)
	return binary.BigEndian.AppendUint32(b, c.Scope)
}

// Signed reports whether the owner of the key made the code.
func (c Code) Signed(key ed25519.PublicKey) bool {
	return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, c.Body(), c.Sig[:])
}

// Fresh reports whether the code's half minute is now, or next to it.
func (c Code) Fresh(t time.Time) bool {
	behind := int64(StepOf(t)) - int64(c.Step)
	return behind <= CodeSlack && behind >= -CodeSlack
}

// For reports whether the code is for a door.
func (c Code) For(door string) bool { return c.Scope == 0 || c.Scope == ScopeOf(door) }

func (c Code) String() string {
	return CodePrefix + base64.RawURLEncoding.EncodeToString(append(c.Body(), c.Sig[:]...))
}

// ScopeOf is how a code names a door; 0 is for all of them.
func ScopeOf(door string) uint32 {
	if door == "" {
		return 0
	}
	sum := sha256.Sum256([]byte("door\x00" + door))
	return max(binary.BigEndian.Uint32(sum[:]), 1)
}

// StepOf counts half minutes.
func StepOf(t time.Time) uint32 {
	return uint32(t.Unix() / int64(CodeStep/time.Second)) //nolint:gosec // in range for another 4,000 years
}
