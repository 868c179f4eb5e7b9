package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func open(t testing.TB, dir string) *Authority {
	t.Helper()
	a, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAuthorityIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	a, b := open(t, dir), open(t, dir)
	if string(a.Authority()) != string(b.Authority()) || !a.key.Equal(b.key) {
		t.Error("the second start made another authority")
	}
	for name, mode := range map[string]os.FileMode{keyFile: 0o600, certFile: 0o644} {
		i, err := os.Stat(filepath.Join(dir, name))
		if err != nil || i.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, i.Mode(), err)
		}
	}
	if d, _ := os.Stat(dir); d.Mode().Perm() != 0o700 {
		t.Errorf("folder %v", d.Mode())
	}
}

func TestDamagedAuthorityIsNotReplaced(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"no certificate":      func(dir string) error { return os.Remove(filepath.Join(dir, certFile)) },
		"half a key":          func(dir string) error { return os.WriteFile(filepath.Join(dir, keyFile), []byte("-----BEGIN"), 0o600) },
		"empty certificate":   func(dir string) error { return os.WriteFile(filepath.Join(dir, certFile), nil, 0o600) },
		"another's authority": func(dir string) error { return errors.Join(os.Remove(filepath.Join(dir, certFile)), other(dir)) },
	} {
		dir := t.TempDir()
		open(t, dir)
		if err := damage(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "backup") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func other(dir string) error {
	sub := filepath.Join(dir, "other")
	a, err := Open(sub)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, certFile), a.Authority(), 0o600)
}

// A device and a hub meet over TLS 1.3, each checking the other.
func TestClientAndServerMeet(t *testing.T) {
	a := open(t, t.TempDir())
	made, err := a.Issue("door-1", "dy:device:door-1", nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(made.Chain, made.Key)
	if err != nil {
		t.Fatal(err)
	}
	if c := pair.Leaf; c.URIs[0].String() != "dy:device:door-1" || c.IsCA || !a.Made(c) || !c.NotAfter.Equal(made.NotAfter) {
		t.Errorf("certificate %+v", c)
	}
	clients, err := a.Pool(nil)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		MinVersion: tls.VersionTLS13, GetCertificate: a.Server([]string{"hub.example"}), ClientCAs: clients, ClientAuth: tls.VerifyClientCertIfGiven,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	stranger := open(t, t.TempDir())
	foreign, err := stranger.Issue("door-1", "dy:device:door-1", nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	other, err := tls.X509KeyPair(foreign.Chain, foreign.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		pair tls.Certificate
		want bool
	}{{"localhost", pair, true}, {"127.0.0.1", pair, true}, {"hub.example", pair, true}, {"elsewhere.example", pair, false}, {"localhost", other, false}} {
		got := make(chan bool, 1)
		go func() {
			nc, err := ln.Accept()
			if err != nil {
				got <- false
				return
			}
			defer nc.Close()
			_, err = nc.Read(make([]byte, 1))
			got <- err == nil && len(nc.(*tls.Conn).ConnectionState().VerifiedChains) == 1
		}()
		roots, _ := a.Pool(nil)
		nc, err := (&tls.Dialer{Config: &tls.Config{ServerName: c.name, RootCAs: roots, Certificates: []tls.Certificate{c.pair}}}).DialContext(t.Context(), "tcp", ln.Addr().String())
		if err == nil {
			_, _ = nc.Write([]byte{1})
			_ = nc.Close()
		}
		if ok := <-got; ok != c.want {
			t.Errorf("%s: %v, %v", c.name, ok, err)
		}
	}
	if a.Made(other.Leaf) {
		t.Error("takes another's certificate for its own")
	}
}

func TestServerCertificateIsRenewed(t *testing.T) {
	a := open(t, t.TempDir())
	now := time.Now()
	a.now = func() time.Time { return now }
	get := func() *x509.Certificate {
		c, err := a.Server(nil)(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf
	}
	first := get()
	now = now.Add(serverLife - serverRenew - time.Hour)
	if !get().Equal(first) {
		t.Error("renewed too early")
	}
	now = now.Add(2 * time.Hour)
	if get().Equal(first) {
		t.Error("not renewed")
	}
}

func request(t testing.TB, key any) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "door-9"}, DNSNames: []string{"evil"}}, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}

func TestRequests(t *testing.T) {
	a := open(t, t.TempDir())
	good, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	curve, _ := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	short, _ := rsa.GenerateKey(rand.Reader, 1024)
	made, err := a.Issue("door-1", "dy:device:door-1", request(t, good), time.Hour)
	if err != nil || made.Key != nil {
		t.Fatal(made.Key, err)
	}
	block, _ := pem.Decode(made.Chain)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil || c.Subject.CommonName != "door-1" || len(c.DNSNames) > 0 || !good.PublicKey.Equal(c.PublicKey) {
		t.Errorf("%+v, %v", c, err)
	}
	broken := request(t, good)
	broken[len(broken)-60] ^= 1
	bad := map[string][]byte{"nothing": []byte("x"), "broken": broken, "curve": request(t, curve)}
	if short != nil {
		bad["short"] = request(t, short)
	}
	for name, b := range bad {
		if _, err := a.Issue("door-1", "dy:device:door-1", b, time.Hour); err == nil {
			t.Errorf("%s: a certificate was issued", name)
		}
	}
}

func FuzzRequest(f *testing.F) {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	f.Add(request(f, key))
	f.Add([]byte("-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = requested(b) })
}
