package pki

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Lifetimes.
const (
	authorityLife = 20 * 365 * 24 * time.Hour // longer than any device in a wall
	backdate      = time.Hour                 // for clocks that are behind
)

// Files of the authority in its folder.
const (
	keyFile  = "ca.key"
	certFile = "ca.crt"
)

// Authority signs certificates.
type Authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pem  []byte
	now  func() time.Time

	mu     sync.Mutex
	server *served // nil: not asked for yet
}

// Open reads the authority of a folder, or makes it with a key that only the
// hub's own user can read (0600).
func Open(dir string) (*Authority, error) {
	a := &Authority{now: time.Now}
	keyPEM, err := os.ReadFile(filepath.Join(dir, keyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return a, a.make(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	if a.pem, err = os.ReadFile(filepath.Join(dir, certFile)); err != nil {
		return nil, fmt.Errorf("authority: its certificate can't be read, restore it from a backup: %w", err)
	}
	if a.key, err = readKey(keyPEM); err != nil {
		return nil, fmt.Errorf("authority: %s is damaged, restore it from a backup: %w", filepath.Join(dir, keyFile), err)
	}
	block, _ := pem.Decode(a.pem)
	if block == nil {
		return nil, fmt.Errorf("authority: %s is damaged, restore it from a backup", filepath.Join(dir, certFile))
	}
	if a.cert, err = x509.ParseCertificate(block.Bytes); err != nil {
		return nil, fmt.Errorf("authority: %s is damaged, restore it from a backup: %w", filepath.Join(dir, certFile), err)
	}
	if !a.key.PublicKey.Equal(a.cert.PublicKey) {
		return nil, fmt.Errorf("authority: %s and %s in %s do not belong together, restore both from one backup", keyFile, certFile, dir)
	}
	return a, nil
}

// make is the first use. The certificate is written first: a key without one
// would look like damage after a power cut.
func (a *Authority) make(dir string) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("authority: %w", err)
	}
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return fmt.Errorf("authority: make key: %w", err)
	}
	now := a.now()
	t := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Dongyue Hub authority", Organization: []string{"Dongyue Hub"}}, NotBefore: now.Add(-backdate), NotAfter: now.Add(authorityLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if t.SerialNumber, err = serial(); err != nil {
		return err
	}
	if t.SubjectKeyId, err = keyID(a.key.Public()); err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, a.key.Public(), a.key)
	if err != nil {
		return fmt.Errorf("authority: make certificate: %w", err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return fmt.Errorf("authority: make certificate: %w", err)
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	key, err := writeKey(a.key)
	if err != nil {
		return err
	}
	if err := write(filepath.Join(dir, certFile), a.pem, 0o644); err != nil {
		return err
	}
	return write(filepath.Join(dir, keyFile), key, 0o600)
}

// write makes a file that is whole or not there, also after a power cut.
func write(path string, b []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return fmt.Errorf("authority: %w", err)
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("authority: write %s: %w", path, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("authority: %w", err)
	}
	return nil
}

// Authority is its certificate in PEM, which devices and programs check the hub
// against.
func (a *Authority) Authority() []byte { return bytes.Clone(a.pem) }

// Pool holds the authority for verifying clients, and others given in PEM.
func (a *Authority) Pool(others []byte) (*x509.CertPool, error) {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	if len(others) > 0 && !p.AppendCertsFromPEM(others) {
		return nil, errors.New("no certificate in it")
	}
	return p, nil
}

// Made reports whether the authority has signed a certificate.
func (a *Authority) Made(c *x509.Certificate) bool { return c.CheckSignatureFrom(a.cert) == nil }

// sign makes a certificate that ends no later than the authority itself.
func (a *Authority) sign(t *x509.Certificate, public any, life time.Duration) (*x509.Certificate, error) {
	now := a.now()
	t.NotBefore, t.NotAfter = now.Add(-backdate), now.Add(life)
	if t.NotAfter.After(a.cert.NotAfter) {
		t.NotAfter = a.cert.NotAfter
	}
	t.BasicConstraintsValid, t.KeyUsage = true, x509.KeyUsageDigitalSignature
	var err error
	if t.SerialNumber, err = serial(); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, public, a.key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// serial has 127 random bits (RFC 5280 §4.1.2.2 allows 20 octets, positive).
func serial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("serial: %w", err)
	}
	return n.Add(n, big.NewInt(1)), nil
}

// keyID names a key (RFC 7093 §2, method 1).
func keyID(public any) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("name key: %w", err)
	}
	sum := sha256.Sum256(der)
	return sum[:20], nil
}

func readKey(b []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	ec, ok := k.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("not an ECDSA key")
	}
	return ec, nil
}

func writeKey(k *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
