package egress

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"

	"github.com/pion/srtp/v3"
)

// Keys are what protects RTP from us to one viewer. Sealers of one viewer, one for
// each of its tracks, share them.
type Keys struct {
	aead  cipher.AEAD  // nil: AES-CM with HMAC-SHA1-80
	block cipher.Block // of AES-CM
	salt  [14]byte
	auth  [20]byte // of HMAC
}

// Labels of the key derivation (RFC 3711, 4.3.2).
const (
	labelEncryption = 0
	labelAuth       = 1
	labelSalt       = 2
)

// newKeys derives the session keys from the master key and salt of our direction.
func newKeys(p srtp.ProtectionProfile, key, salt []byte) (*Keys, error) {
	master, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("egress: master key: %w", err)
	}
	derive := func(label byte, n int) []byte {
		var iv [aes.BlockSize]byte
		copy(iv[:14], salt)
		iv[7] ^= label
		out := make([]byte, n)
		cipher.NewCTR(master, iv[:]).XORKeyStream(out, out)
		return out
	}
	block, err := aes.NewCipher(derive(labelEncryption, len(key)))
	if err != nil {
		return nil, fmt.Errorf("egress: session key: %w", err)
	}
	k := &Keys{}
	switch p {
	case srtp.ProtectionProfileAeadAes128Gcm, srtp.ProtectionProfileAeadAes256Gcm:
		copy(k.salt[:], derive(labelSalt, 12))
		if k.aead, err = cipher.NewGCM(block); err != nil {
			return nil, fmt.Errorf("egress: session key: %w", err)
		}
	case srtp.ProtectionProfileAes128CmHmacSha1_80:
		k.block = block
		copy(k.salt[:], derive(labelSalt, 14))
		copy(k.auth[:], derive(labelAuth, 20))
	default:
		return nil, fmt.Errorf("egress: SRTP profile %v is none that is sent past the library", p)
	}
	return k, nil
}
