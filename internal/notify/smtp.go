package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"
)

// Ways to secure a mail connection.
const (
	StartTLS = "starttls" // begins plain, usually port 587; refused when the server can't
	FullTLS  = "tls"      // from the first byte, usually port 465
	NoTLS    = "none"     // for a relay on this machine
)

// SMTPChannel sends letters as mail. An addressee's address is a mail address.
type SMTPChannel struct {
	Addr      string // host:port
	Security  string // StartTLS, FullTLS, NoTLS
	User      string // "": the server asks for none
	Password  string
	From      string // 东岳中枢 <hub@example.org>
	PerMinute int
	Dialer    *net.Dialer
	Roots     *x509.CertPool   // nil: those of the system
	Now       func() time.Time // nil: time.Now
}

// Traits implements Channel.
func (c *SMTPChannel) Traits() Traits {
	return Traits{Type: SMTP, Target: c.Addr, PerMinute: c.PerMinute, Timeout: 30 * time.Second, Secrets: []string{c.Password}}
}

// Send implements Channel.
func (c *SMTPChannel) Send(ctx context.Context, l *Letter) error {
	from, err := mail.ParseAddress(c.From)
	if err != nil {
		return fmt.Errorf("%w: the sender's address: %w", ErrRefused, err)
	}
	to, err := mail.ParseAddress(l.To[0].Address)
	if err != nil {
		return fmt.Errorf("%w: the address: %w", ErrRefused, err)
	}
	to.Name = l.To[0].Name
	conn, err := c.Dialer.DialContext(ctx, "tcp", c.Addr)
	if err != nil {
		return bare(err)
	}
	// The library knows no context: the connection ends with it.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	err = c.talk(conn, from, to, c.message(from, to, l))
	if ctx.Err() != nil && err != nil {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return mailRefusal(err)
}

// talk is one mail from greeting to good-bye.
func (c *SMTPChannel) talk(conn net.Conn, from, to *mail.Address, message []byte) error {
	name, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	secure := &tls.Config{ServerName: name, RootCAs: c.Roots, MinVersion: tls.VersionTLS12}
	if c.Security == FullTLS {
		conn = tls.Client(conn, secure)
	}
	s, err := smtp.NewClient(conn, name)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	defer func() { _ = s.Close() }()
	if c.Security == StartTLS {
		if ok, _ := s.Extension("STARTTLS"); !ok {
			return fmt.Errorf("%w: the server offers no STARTTLS, so nothing was sent; see notify.smtp.security", ErrRefused)
		}
		if err := s.StartTLS(secure); err != nil {
			return fmt.Errorf("starttls: %w", err)
		}
	}
	if c.User != "" {
		if err := s.Auth(smtp.PlainAuth("", c.User, c.Password, name)); err != nil {
			return fmt.Errorf("sign in: %w", err)
		}
	}
	if err := s.Mail(from.Address); err != nil {
		return fmt.Errorf("sender: %w", err)
	}
	if err := s.Rcpt(to.Address); err != nil {
		return fmt.Errorf("recipient: %w", err)
	}
	w, err := s.Data()
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if _, err := w.Write(message); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if err := w.Close(); err != nil { // here the server has taken it
		return fmt.Errorf("data: %w", err)
	}
	_ = s.Quit() // whatever it says to that
	return nil
}

// mailRefusal tells a 5yz reply, which is for good, from the others.
func mailRefusal(err error) error {
	var p *textproto.Error
	if errors.As(err, &p) && p.Code >= 500 {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return err
}

// message writes the mail. The message id is the letter's, so a mail program
// shows a repeat once; Auto-Submitted keeps holiday notices away (RFC 3834).
func (c *SMTPChannel) message(from, to *mail.Address, l *Letter) []byte {
	_, domain, _ := strings.Cut(from.Address, "@")
	var b bytes.Buffer
	for _, h := range [][2]string{
		{"From", from.String()}, {"To", to.String()},
		{"Subject", mime.BEncoding.Encode("utf-8", oneLine(l.Subject))},
		{"Date", clock(c.Now).UTC().Format(time.RFC1123Z)},
		{"Message-ID", "<" + l.ID + "@" + domain + ">"},
		{"Auto-Submitted", "auto-generated"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "base64"},
	} {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	if l.LifeSafety || l.Priority.Rank() == 1 {
		b.WriteString("X-Priority: 1\r\nImportance: high\r\n")
	}
	b.WriteString("\r\n")
	text := base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(l.text(), "\n", "\r\n") + "\r\n"))
	for len(text) > 76 { // RFC 2045 §6.8
		b.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	b.WriteString(text + "\r\n")
	return b.Bytes()
}

// oneLine keeps a device's name from becoming a header.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
