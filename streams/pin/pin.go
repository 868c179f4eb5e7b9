// Package pin checks the certificates of cameras: most sign their own, so a
// camera is registered with the fingerprint of its certificate.
//
// Concurrency: the configurations it makes may be used by many connections.
package pin

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"

	"dongyue/streams"
)

// Config is for connections to a camera whose certificate has this SHA-256 (hex);
// "" checks it as a browser does. base is nil for the system's roots.
func Config(fingerprint string, base *tls.Config) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if base != nil {
		c = base.Clone()
	}
	if c.InsecureSkipVerify && fingerprint == "" {
		return c // somebody has decided so
	}
	roots := c.RootCAs
	c.InsecureSkipVerify = true //nolint:gosec // G402: verify does it, and can tell the fingerprint
	c.VerifyConnection = func(cs tls.ConnectionState) error { return verify(cs, fingerprint, roots) }
	return c
}

func verify(cs tls.ConnectionState, want string, roots *x509.CertPool) error {
	if len(cs.PeerCertificates) == 0 {
		return fmt.Errorf("%w: it shows none", streams.ErrCertificate)
	}
	leaf := cs.PeerCertificates[0]
	sum := sha256.Sum256(leaf.Raw)
	seen := hex.EncodeToString(sum[:])
	if want != "" {
		if subtle.ConstantTimeCompare([]byte(seen), []byte(want)) == 1 {
			return nil
		}
		return fmt.Errorf("%w: its fingerprint is %s, which is not the one that was registered", streams.ErrCertificate, seen)
	}
	o := x509.VerifyOptions{DNSName: cs.ServerName, Intermediates: x509.NewCertPool(), Roots: roots}
	for _, c := range cs.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	if _, err := leaf.Verify(o); err != nil {
		return fmt.Errorf("%w: %s; its fingerprint is %s", streams.ErrCertificate, reason(err), seen)
	}
	return nil
}

// reason says why a certificate is not trusted, without the camera's name.
func reason(err error) string {
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &host):
		return "it is for another name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "it has expired, or this machine's clock is wrong"
	}
	return "nobody known here has signed it"
}
