package pki

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// Issued is a certificate of a client. Key is empty for a request.
type Issued struct {
	Serial   string // hexadecimal
	Chain    []byte // PEM
	Key      []byte // PEM, PKCS #8
	NotAfter time.Time
}

// Issue makes a client certificate with a name and a URI. Of a request (PKCS #10
// in PEM) only the key is taken: who the client is, the caller says.
func (a *Authority) Issue(name, uri string, request []byte, life time.Duration) (Issued, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return Issued{}, fmt.Errorf("name %s: %w", uri, err)
	}
	var out Issued
	var public any
	if len(request) > 0 {
		if public, err = requested(request); err != nil {
			return Issued{}, err
		}
	} else {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return Issued{}, fmt.Errorf("make key: %w", err)
		}
		if out.Key, err = writeKey(key); err != nil {
			return Issued{}, err
		}
		public = key.Public()
	}
	c, err := a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, URIs: []*url.URL{u}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, public, life)
	if err != nil {
		return Issued{}, err
	}
	out.Serial, out.NotAfter = fmt.Sprintf("%x", c.SerialNumber), c.NotAfter
	out.Chain = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	return out, nil
}

// requested is the key of a request whose sender has shown that it is his.
func requested(b []byte) (any, error) {
	block, _ := pem.Decode(b)
	if block == nil || block.Type != "CERTIFICATE REQUEST" && block.Type != "NEW CERTIFICATE REQUEST" {
		return nil, errors.New("the request is not PKCS #10 in PEM")
	}
	r, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the request can't be read: %w", err)
	}
	if err := r.CheckSignature(); err != nil {
		return nil, fmt.Errorf("the request is not signed with its key: %w", err)
	}
	switch k := r.PublicKey.(type) {
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() && k.Curve != elliptic.P384() {
			return nil, errors.New("the key's curve must be P-256 or P-384")
		}
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < 2048 || n > 4096 {
			return nil, fmt.Errorf("an RSA key of %d bits: 2048 to 4096 are wanted", n)
		}
	case ed25519.PublicKey:
	default:
		return nil, errors.New("the key must be ECDSA, RSA or Ed25519")
	}
	return r.PublicKey, nil
}

// Lifetime of the listener's certificate. It has a new key with every start and
// is renewed long before it ends, also while the hub runs: clients trust the
// authority, not it.
const (
	serverLife  = 90 * 24 * time.Hour
	serverRenew = 30 * 24 * time.Hour
)

type served struct {
	cert  *tls.Certificate
	until time.Time
}

// Server gives the listener's certificate, for tls.Config.GetCertificate. It
// holds for this machine's names and addresses and for those given.
func (a *Authority) Server(names []string) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.server != nil && a.now().Before(a.server.until.Add(-serverRenew)) {
			return a.server.cert, nil
		}
		s, err := a.serve(names)
		if err != nil {
			return nil, err
		}
		a.server = s
		return s.cert, nil
	}
}

func (a *Authority) serve(names []string) (*served, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	t := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Dongyue Hub"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, n := range append(local(), names...) {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else if n != "" && !slices.Contains(t.DNSNames, n) {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	c, err := a.sign(t, key.Public(), serverLife)
	if err != nil {
		return nil, err
	}
	return &served{&tls.Certificate{Certificate: [][]byte{c.Raw, a.cert.Raw}, PrivateKey: key, Leaf: c}, c.NotAfter}, nil
}

// local are the names and addresses under which this machine knows itself.
func local() []string {
	all := []string{"localhost", "127.0.0.1", "::1"}
	if h, err := os.Hostname(); err == nil && !strings.ContainsAny(h, " _/") {
		all = append(all, h)
		if short, _, dotted := strings.Cut(h, "."); !dotted {
			all = append(all, short+".local")
		}
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return all
	}
	for _, x := range addrs {
		if n, ok := x.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			all = append(all, n.IP.String())
		}
	}
	return all
}
