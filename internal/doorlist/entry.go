package doorlist

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"strings"

	"golang.org/x/crypto/scrypt"
)

// EntryBytes is the length of an entry on the wire:
//
//	key 16 | set 6 | class 1 | uses 1 | from 4 | to 4
//
// numbers big-endian, times in seconds since 1970, 0 for none.
const EntryBytes = 16 + 6 + 1 + 1 + 4 + 4

// Key is how a credential is named in the list of one door.
type Key [16]byte

// SetID names a set of rights in the head: the first bytes of its SHA-256.
type SetID [6]byte

// Salt is that of one door, so that no two doors name a credential alike.
type Salt [16]byte

// Entry is one credential that may open the door.
type Entry struct {
	Key      Key
	Set      SetID
	Class    uint8  // index into the head's classes
	Uses     uint8  // how often it still opens; 0: as often as wanted
	From, To uint32 // good from From until before To
}

func (e Entry) append(b []byte) []byte {
	b = append(b, e.Key[:]...)
	b = append(b, e.Set[:]...)
	b = append(b, e.Class, e.Uses)
	b = binary.BigEndian.AppendUint32(b, e.From)
	return binary.BigEndian.AppendUint32(b, e.To)
}

func entryOf(b []byte) Entry {
	return Entry{
		Key: Key(b[:16]), Set: SetID(b[16:22]), Class: b[22], Uses: b[23],
		From: binary.BigEndian.Uint32(b[24:]), To: binary.BigEndian.Uint32(b[28:]),
	}
}

func (k Key) less(o Key) bool { return bytes.Compare(k[:], o[:]) < 0 }

// Stretched is a credential's value after a hash that takes time and memory. Ten
// digits are quickly tried out; this makes each try dear, for a thief of a list as for a
// thief of a controller.
type Stretched [32]byte

// Stretch says how values are stretched: scrypt with a salt of the community.
type Stretch struct {
	Salt []byte `json:"salt"`
	N    int    `json:"n"`
	R    int    `json:"r"`
	P    int    `json:"p"`
}

// The cost that this hub writes into its lists: 2 MiB and some 5 ms of one core.
const (
	stretchN = 1 << 11
	stretchR = 8
	stretchP = 1
	mostN    = 1 << 15 // that a door takes: 32 MiB
)

// NewStretch is the usual cost with a salt.
func NewStretch(salt []byte) Stretch { return Stretch{salt, stretchN, stretchR, stretchP} }

func (s Stretch) sane() bool {
	return len(s.Salt) >= 8 && len(s.Salt) <= 64 && s.N >= 2 && s.N <= mostN && s.N&(s.N-1) == 0 && s.R >= 1 && s.R <= 8 && s.P >= 1 && s.P <= 4
}

// Of stretches a value; typ is card, qr or mobile.
func (s Stretch) Of(typ, value string) (out Stretched, err error) {
	b, err := scrypt.Key([]byte(typ+"\x00"+Normal(typ, value)), s.Salt, s.N, s.R, s.P, len(out))
	if err != nil {
		return out, err //nolint:wrapcheck // only of bad parameters, which it names
	}
	return Stretched(b), nil
}

// KeyOf names a stretched value at a door: SHA-256 of salt and value, one block.
func KeyOf(salt Salt, v Stretched) Key {
	var b [len(salt) + len(v)]byte
	copy(b[:], salt[:])
	copy(b[len(salt):], v[:])
	sum := sha256.Sum256(b[:])
	return Key(sum[:16])
}

// KeyOfCode names the holder of rotating codes at a door. The reference in a code is
// no secret.
func KeyOfCode(salt Salt, ref Ref) Key {
	b := append([]byte("code\x00"), salt[:]...)
	sum := sha256.Sum256(append(b, ref[:]...))
	return Key(sum[:16])
}

// Normal brings a value into the one form that is hashed. Readers write card
// numbers in many ways, so case and separators do not count.
func Normal(typ, value string) string {
	switch typ {
	case "card":
	case "plate":
		if p, err := ParsePlate(value); err == nil {
			return p
		}
		return strings.TrimSpace(value)
	default:
		return strings.TrimSpace(value)
	}
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if r == ' ' || r == ':' || r == '-' {
			return -1
		}
		return r
	}, value))
}
