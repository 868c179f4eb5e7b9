package egress

import (
	"crypto/cipher"
	"crypto/sha1" //nolint:gosec // HMAC-SHA1-80 is what RFC 5764 has for old viewers
	"encoding"
	"encoding/binary"
	"errors"
	"hash"
)

// HeaderBytes is the RTP header that is sent: no extension, no contributing source.
const HeaderBytes = 12

// Sealer protects the RTP of one track. One goroutine at a time may use it.
type Sealer struct {
	keys         *Keys
	iv           [16]byte
	h            hash.Hash
	state        encoding.BinaryUnmarshaler
	inner, outer []byte // SHA-1 after each of HMAC's two pads (RFC 2104)
	tmp          [sha1.Size + 4]byte
}

// Sealer makes a new one.
func (k *Keys) Sealer() (*Sealer, error) {
	s := &Sealer{keys: k}
	if k.aead != nil {
		return s, nil
	}
	s.h = sha1.New() //nolint:gosec // as above
	var ok bool
	if s.state, ok = s.h.(encoding.BinaryUnmarshaler); !ok {
		return nil, errors.New("egress: the hash keeps its state to itself")
	}
	var err error
	if s.inner, err = k.pad(0x36); err != nil {
		return nil, err
	}
	s.outer, err = k.pad(0x5c)
	return s, err
}

// pad is the state of the hash when the key has gone in, xor x.
func (k *Keys) pad(x byte) ([]byte, error) {
	var p [sha1.BlockSize]byte
	copy(p[:], k.auth[:])
	for i := range p {
		p[i] ^= x
	}
	h := sha1.New() //nolint:gosec // as above
	_, _ = h.Write(p[:])
	m, ok := h.(encoding.BinaryMarshaler)
	if !ok {
		return nil, errors.New("egress: the hash keeps its state to itself")
	}
	return m.MarshalBinary()
}

// Overhead is how many bytes a packet grows by.
func (s *Sealer) Overhead() int {
	if s.keys.aead != nil {
		return 16
	}
	return 10
}

// Seal encrypts payload into dst behind the header that stands in dst already, and
// returns the packet's length. index is the packet's number with the rollovers
// (RFC 3711, 3.3.1); it never comes twice with another content.
func (s *Sealer) Seal(dst, payload []byte, ssrc uint32, index uint64) int {
	clear(s.iv[:])
	copy(s.iv[:], s.keys.salt[:])
	be := binary.BigEndian
	if s.keys.aead != nil { // RFC 7714, 8.1: salt xor (0, SSRC, rollovers, number)
		iv := s.iv[:12]
		be.PutUint32(iv[2:], be.Uint32(iv[2:])^ssrc)
		be.PutUint32(iv[6:], be.Uint32(iv[6:])^uint32(index>>16))
		be.PutUint16(iv[10:], be.Uint16(iv[10:])^uint16(index))
		return HeaderBytes + len(s.keys.aead.Seal(dst[HeaderBytes:HeaderBytes], iv, payload, dst[:HeaderBytes]))
	}
	// RFC 3711, 4.1.1: salt·2^16 xor SSRC·2^64 xor index·2^16
	n := HeaderBytes + len(payload)
	be.PutUint32(s.iv[4:], be.Uint32(s.iv[4:])^ssrc)
	be.PutUint64(s.iv[6:], be.Uint64(s.iv[6:])^index)
	cipher.NewCTR(s.keys.block, s.iv[:]).XORKeyStream(dst[HeaderBytes:n], payload)
	return n + copy(dst[n:n+10], s.mac(dst[:n], uint32(index>>16)))
}

// mac is HMAC-SHA1 of a packet and its rollovers (RFC 3711, 4.2).
func (s *Sealer) mac(b []byte, roc uint32) []byte {
	_ = s.state.UnmarshalBinary(s.inner) // its own state
	_, _ = s.h.Write(b)
	binary.BigEndian.PutUint32(s.tmp[:], roc)
	_, _ = s.h.Write(s.tmp[:4])
	sum := s.h.Sum(s.tmp[:0])
	_ = s.state.UnmarshalBinary(s.outer)
	_, _ = s.h.Write(sum)
	return s.h.Sum(s.tmp[:0])
}
