package egress

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/prf"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
	"github.com/pion/srtp/v3"
	"github.com/pion/webrtc/v4"
)

// suite is the one DTLS suite that the tap can compute keys of; all browsers offer
// it, and the library prefers it. Its pseudo-random function is SHA-256's.
const suite = dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256

// ErrNoKeys says that a connection can't be sent to past the library.
var ErrNoKeys = errors.New("egress: no keys: another DTLS version, role or suite")

// Tap computes the SRTP keys of one peer connection, which the library does not hand
// out, from what its two hooks tell: the key log the client's random and the master
// secret, the ServerHello the server's random and the SRTP profile. All stays in
// memory, and is forgotten when the keys are made.
type Tap struct {
	mu                     sync.Mutex
	client, server, master []byte
	suite                  uint16
	profile                srtp.ProtectionProfile
}

// Install puts the tap into the settings of its peer connection, which must be the
// only one that they are used for.
func (t *Tap) Install(set *webrtc.SettingEngine) {
	set.SetDTLSKeyLogWriter(t)
	set.SetDTLSServerHelloMessageHook(t.hello)
}

// Write takes a line of the key log (NSS format: label, client random, secret).
func (t *Tap) Write(b []byte) (int, error) {
	if f := strings.Fields(string(b)); len(f) == 3 && f[0] == "CLIENT_RANDOM" {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.client, _ = hex.DecodeString(f[1]) // none where it is no hex
		t.master, _ = hex.DecodeString(f[2])
	}
	return len(b), nil
}

func (t *Tap) hello(h handshake.MessageServerHello) handshake.Message {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := h.Random.MarshalFixed()
	t.server = slices.Clone(r[:])
	if h.CipherSuiteID != nil {
		t.suite = *h.CipherSuiteID
	}
	for _, e := range h.Extensions {
		if u, ok := e.(*extension.UseSRTP); ok && len(u.ProtectionProfiles) == 1 {
			t.profile = srtp.ProtectionProfile(u.ProtectionProfiles[0])
		}
	}
	return &h
}

// Keys are those of our direction; ask once, when the connection stands. From then on
// nothing may be sent by the library's own tracks: numbers would come twice.
func (t *Tap) Keys() (*Keys, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer func() {
		clear(t.master)
		t.client, t.server, t.master = nil, nil, nil
	}()
	if len(t.client) == 0 || len(t.server) == 0 || len(t.master) == 0 || dtls.CipherSuiteID(t.suite) != suite {
		return nil, ErrNoKeys
	}
	k, err := t.profile.KeyLen()
	if err != nil {
		return nil, ErrNoKeys
	}
	s, err := t.profile.SaltLen()
	if err != nil {
		return nil, ErrNoKeys
	}
	// RFC 5705, 4 with the label of RFC 5764, 4.2; the keys come in the order client
	// key, server key, client salt, server salt.
	seed := slices.Concat([]byte("EXTRACTOR-dtls_srtp"), t.client, t.server)
	m, err := prf.PHash(t.master, seed, 2*(k+s), sha256.New)
	if err != nil {
		return nil, ErrNoKeys
	}
	defer clear(m)
	return newKeys(t.profile, m[k:2*k], m[2*k+s:])
}
