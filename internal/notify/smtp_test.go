package notify

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"math/big"
	"mime"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// mailbox is a real mail server that keeps what it is given.
type mailbox struct {
	mu       sync.Mutex
	from, to string
	user     string
	secure   bool
	data     string
	refuse   error // of the recipient
}

func (m *mailbox) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, secure := c.TLSConnectionState()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.secure = secure
	return m, nil
}

func (m *mailbox) Reset()        {}
func (m *mailbox) Logout() error { return nil }

func (m *mailbox) AuthMechanisms() []string { return []string{sasl.Plain} }

func (m *mailbox) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != "pass" {
			return smtp.ErrAuthFailed
		}
		m.user = user
		return nil
	}), nil
}

func (m *mailbox) Mail(from string, _ *smtp.MailOptions) error { m.from = from; return nil }
func (m *mailbox) Rcpt(to string, _ *smtp.RcptOptions) error   { m.to = to; return m.refuse }

func (m *mailbox) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	m.data = string(b)
	return err
}

// certificate is a server's, and the roots that know it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// mailServer listens in one of the three ways.
func mailServer(t *testing.T, m *mailbox, security string) *SMTPChannel {
	t.Helper()
	cert, roots := certificate(t)
	s := smtp.NewServer(m)
	s.Domain, s.AllowInsecureAuth = "mail.example.org", true
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	switch security {
	case StartTLS:
		s.TLSConfig = conf
	case FullTLS:
		ln = tls.NewListener(ln, conf)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(ln) }()
	t.Cleanup(func() { _ = s.Close(); _ = ln.Close(); <-done }) // the server may not know the listener yet
	return &SMTPChannel{
		Addr: addr, Security: security, User: "hub", Password: "pass", From: "东岳中枢 <hub@example.org>", Dialer: Dialer(true), Roots: roots, Now: moment,
	}
}

func toChen() *Letter {
	l := fire()
	l.To = []Addressee{{"u-chen", "陈", "chen@example.com"}}
	return l
}

func TestMail(t *testing.T) {
	for _, security := range []string{StartTLS, FullTLS, NoTLS} {
		var m mailbox
		c := mailServer(t, &m, security)
		if err := c.Send(t.Context(), toChen()); err != nil {
			t.Fatalf("%s: %v", security, err)
		}
		if m.from != "hub@example.org" || m.to != "chen@example.com" || m.user != "hub" || m.secure != (security != NoTLS) {
			t.Errorf("%s: %+v", security, &m)
		}
		msg, err := mail.ReadMessage(strings.NewReader(m.data))
		if err != nil {
			t.Fatal(err)
		}
		var d mime.WordDecoder
		subject, err := d.DecodeHeader(msg.Header.Get("Subject"))
		if err != nil || subject != fire().Subject {
			t.Errorf("subject %q %v", subject, err)
		}
		for h, want := range map[string]string{
			"Message-Id": "<m-abc.7@example.org>", "Date": "Tue, 03 Nov 2026 19:04:05 +0000", "Auto-Submitted": "auto-generated", "Importance": "high",
		} {
			if got := msg.Header.Get(h); got != want {
				t.Errorf("%s: %q", h, got)
			}
		}
		if to, err := msg.Header.AddressList("To"); err != nil || to[0].Name != "陈" || to[0].Address != "chen@example.com" {
			t.Errorf("to %v %v", to, err)
		}
		body, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, msg.Body))
		if want := strings.ReplaceAll(fire().text(), "\n", "\r\n") + "\r\n"; err != nil || string(body) != want {
			t.Errorf("body %q %v", body, err)
		}
	}
}

func TestMailThatIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*SMTPChannel, *mailbox, *Letter)
		want   string
	}{
		"wrong password": {func(s *SMTPChannel, _ *mailbox, _ *Letter) { s.Password = "x" }, "refused"},
		"no such mailbox": {func(_ *SMTPChannel, m *mailbox, _ *Letter) {
			m.refuse = &smtp.SMTPError{Code: 550, Message: "no such user"}
		}, "refused"},
		"a busy mailbox":   {func(_ *SMTPChannel, m *mailbox, _ *Letter) { m.refuse = &smtp.SMTPError{Code: 450, Message: "later"} }, "again"},
		"unknown issuer":   {func(s *SMTPChannel, _ *mailbox, _ *Letter) { s.Roots = x509.NewCertPool() }, "again"},
		"no address":       {func(_ *SMTPChannel, _ *mailbox, l *Letter) { l.To[0].Address = "nobody" }, "refused"},
		"a header in it":   {func(_ *SMTPChannel, _ *mailbox, l *Letter) { l.To[0].Address = "a@b.c\r\nBcc: <x@y.z>" }, "refused"},
		"sender is a name": {func(s *SMTPChannel, _ *mailbox, _ *Letter) { s.From = "hub" }, "refused"},
	} {
		var m mailbox
		ch, l := mailServer(t, &m, StartTLS), toChen()
		c.change(ch, &m, l)
		err := ch.Send(t.Context(), l)
		if got := kindOf(err); got != c.want || m.data != "" {
			t.Errorf("%s: %s (%v), stored %q", name, got, err, m.data)
		}
		if err != nil && strings.Contains(err.Error(), "pass") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What should be encrypted is never sent in the clear.
func TestMailWithoutSTARTTLS(t *testing.T) {
	var m mailbox
	c := mailServer(t, &m, NoTLS)
	c.Security = StartTLS
	if err := c.Send(t.Context(), toChen()); !errors.Is(err, ErrRefused) || m.user != "" || m.data != "" {
		t.Errorf("%v, %+v", err, &m)
	}
}

func TestNamesAreNoHeaders(t *testing.T) {
	var m mailbox
	c := mailServer(t, &m, NoTLS)
	l := toChen()
	l.Subject, l.To[0].Name = "door\r\nBcc: evil@example.org\r\n\r\nbody", "x\r\nBcc: evil@example.org"
	if err := c.Send(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	msg, err := mail.ReadMessage(strings.NewReader(m.data))
	if err != nil || msg.Header.Get("Bcc") != "" {
		t.Errorf("%v %v", err, msg.Header)
	}
}

func TestMailServerThatSaysNothing(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	c := &SMTPChannel{Addr: ln.Addr().String(), Security: StartTLS, From: "hub@example.org", Dialer: Dialer(true)}
	if err := c.Send(ctx, toChen()); err == nil || kindOf(err) != "again" {
		t.Errorf("got %v", err)
	}
}
