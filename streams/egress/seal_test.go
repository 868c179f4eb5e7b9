package egress

import (
	"bytes"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"pgregory.net/rapid"
)

func profiles() []srtp.ProtectionProfile {
	return []srtp.ProtectionProfile{srtp.ProtectionProfileAes128CmHmacSha1_80, srtp.ProtectionProfileAeadAes128Gcm, srtp.ProtectionProfileAeadAes256Gcm}
}

// The library's own SRTP opens what is sealed, over rollovers, and finds in it what
// went in.
func TestSealedIsOpened(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		profile := rapid.SampledFrom(profiles()).Draw(t, "profile")
		keyLen, _ := profile.KeyLen()
		saltLen, _ := profile.SaltLen()
		key := rapid.SliceOfN(rapid.Byte(), keyLen, keyLen).Draw(t, "key")
		salt := rapid.SliceOfN(rapid.Byte(), saltLen, saltLen).Draw(t, "salt")
		ssrc := rapid.Uint32().Draw(t, "ssrc")
		keys, err := newKeys(profile, key, salt)
		if err != nil {
			t.Fatal(err)
		}
		s, err := keys.Sealer()
		if err != nil {
			t.Fatal(err)
		}
		viewer, err := srtp.CreateContext(key, salt, profile)
		if err != nil {
			t.Fatal(err)
		}
		number := rapid.Uint64Range(0, 1<<15-1).Draw(t, "first")
		for range rapid.IntRange(1, 12).Draw(t, "packets") {
			payload := rapid.SliceOfN(rapid.Byte(), 1, 1200).Draw(t, "payload")
			h := rtp.Header{Version: 2, PayloadType: 96, SSRC: ssrc, SequenceNumber: uint16(number), Timestamp: rapid.Uint32().Draw(t, "ts")}
			packet := make([]byte, HeaderBytes+len(payload)+s.Overhead())
			if _, err := h.MarshalTo(packet); err != nil {
				t.Fatal(err)
			}
			if n := s.Seal(packet, payload, ssrc, number); n != len(packet) {
				t.Fatalf("%d bytes, announced %d", n, len(packet))
			}
			plain, err := viewer.DecryptRTP(nil, packet, nil)
			if err != nil {
				t.Fatalf("packet %d: %v", number, err)
			}
			if !bytes.Equal(plain[HeaderBytes:], payload) {
				t.Fatalf("packet %d: another payload", number)
			}
			number += rapid.Uint64Range(1, 20000).Draw(t, "step")
		}
	})
}

// A packet that is sent again is the same to the last bit, so that nothing is
// encrypted twice under one number.
func TestSealedAgainIsTheSame(t *testing.T) {
	for _, profile := range profiles() {
		keyLen, _ := profile.KeyLen()
		saltLen, _ := profile.SaltLen()
		keys, err := newKeys(profile, make([]byte, keyLen), make([]byte, saltLen))
		if err != nil {
			t.Fatal(err)
		}
		a, _ := keys.Sealer()
		b, _ := keys.Sealer()
		payload := bytes.Repeat([]byte{7}, 900)
		one, two := make([]byte, 1000), make([]byte, 1000)
		n := a.Seal(one, payload, 5, 70000)
		a.Seal(make([]byte, 1000), payload, 5, 70001)
		if m := a.Seal(two, payload, 5, 70000); m != n || !bytes.Equal(one, two) {
			t.Errorf("%v: another packet the second time", profile)
		}
		if m := b.Seal(two, payload, 5, 70000); m != n || !bytes.Equal(one, two) {
			t.Errorf("%v: another packet by another sealer", profile)
		}
	}
}

func TestOtherProfilesAreRefused(t *testing.T) {
	if _, err := newKeys(srtp.ProtectionProfileAes128CmHmacSha1_32, make([]byte, 16), make([]byte, 14)); err == nil {
		t.Error("a profile with a tag of 32 bits was taken")
	}
	if _, err := (&Tap{}).Keys(); err == nil {
		t.Error("there are keys without a handshake")
	}
}

func BenchmarkSeal(b *testing.B) {
	for _, profile := range profiles() {
		b.Run(profile.String(), func(b *testing.B) {
			keyLen, _ := profile.KeyLen()
			saltLen, _ := profile.SaltLen()
			keys, _ := newKeys(profile, make([]byte, keyLen), make([]byte, saltLen))
			s, _ := keys.Sealer()
			dst, payload := make([]byte, 1300), make([]byte, 1188)
			b.ReportAllocs()
			for i := range b.N {
				s.Seal(dst, payload, 1, uint64(i))
			}
		})
	}
}
