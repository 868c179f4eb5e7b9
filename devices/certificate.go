package devices

import (
	"context"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"dongyue/internal/event"
)

// Lifetimes of device certificates.
const (
	// CertificateLife is for callers that name none; the same as browsers allow
	// servers, and twice what a maintenance round takes.
	CertificateLife = 825 * 24 * time.Hour
	// MaxCertificateLife is what a device in a wall may be given.
	MaxCertificateLife = 3650 * 24 * time.Hour
)

// uriScheme begins the name of a device in its certificate: dy:device:door-1
// (RFC 5280 §4.2.1.6, a URI).
const uriScheme = "dy:device:"

// Issuer makes client certificates; the hub's own authority does.
type Issuer interface {
	// Issue makes a certificate with the name as a URI. Without a request (PEM,
	// PKCS #10) it also makes the key.
	Issue(name, uri string, request []byte, life time.Duration) (Issued, error)
	// Made reports whether the authority has signed the certificate.
	Made(c *x509.Certificate) bool
	// Authority is the certificate that servers and clients are checked against, PEM.
	Authority() []byte
}

// Issued is a new certificate. Key is empty for a request that was signed.
type Issued struct {
	Serial   string
	Chain    []byte // PEM, the device's first
	Key      []byte // PEM, PKCS #8; never kept
	NotAfter time.Time
}

// Certificate is what the registry keeps of one.
type Certificate struct {
	Serial    string
	Device    string
	IssuedAt  time.Time
	NotAfter  time.Time
	Actor     string
	RevokedAt time.Time // zero: good
}

// Errors of certificates.
var (
	ErrNoAuthority   = errors.New("no authority of the hub's own")
	ErrNoCertificate = errors.New("no such certificate")
)

// namesDevice reports whether a certificate is a device's: the URI dy:device:ID,
// or a DNS name that is its id, as other authorities make them.
func namesDevice(c *x509.Certificate, id string) bool {
	return event.ValidDevice(id) && (slices.Contains(c.DNSNames, id) ||
		slices.ContainsFunc(c.URIs, func(u *url.URL) bool { return u.String() == uriScheme+id }))
}

// AuthenticateCertificate checks a certificate whose chain and dates TLS has
// verified. One of the hub's own authority must be on its list and not revoked;
// of another authority, whoever configured it answers for its devices.
func (r *Registry) AuthenticateCertificate(_ context.Context, id string, c *x509.Certificate) (event.Kind, error) {
	rec := r.find(id)
	if rec == nil || !namesDevice(c, id) {
		return "", ErrCredentials
	}
	if r.issuer != nil && r.issuer.Made(c) {
		r.mu.RLock()
		own, ok := r.certs[serialOf(c)]
		r.mu.RUnlock()
		if !ok || own.Device != id || !own.RevokedAt.IsZero() {
			return "", ErrCredentials
		}
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.d.Disabled {
		return "", ErrCredentials
	}
	rec.login, rec.byOld = rec.rotated, false
	return rec.kind, nil
}

func serialOf(c *x509.Certificate) string { return fmt.Sprintf("%x", c.SerialNumber) }

// Enrol issues a certificate for a device, with the request it made or with a
// key that is shown once.
func (r *Registry) Enrol(ctx context.Context, id, actor string, request []byte, life time.Duration) (Issued, error) {
	if r.issuer == nil {
		return Issued{}, ErrNoAuthority
	}
	if life == 0 {
		life = CertificateLife
	}
	if life < time.Hour || life > MaxCertificateLife {
		return Issued{}, Refuse(CodeValue, "days: from 1 to %d is wanted", int(MaxCertificateLife.Hours()/24))
	}
	r.edit.Lock()
	defer r.edit.Unlock()
	if r.find(id) == nil {
		return Issued{}, fmt.Errorf("device %s: %w", id, ErrNoDevice)
	}
	made, err := r.issuer.Issue(id, uriScheme+id, request, life)
	if err != nil {
		return Issued{}, Refuse(CodeValue, "certificate: %v", err)
	}
	c := Certificate{Serial: made.Serial, Device: id, IssuedAt: time.Now().UTC(), NotAfter: made.NotAfter, Actor: actor}
	err = r.db.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO device_certificates(serial, device, issued_at, not_after, actor, revoked_at) VALUES (?, ?, ?, ?, ?, 0)`,
			c.Serial, c.Device, toMS(c.IssuedAt), toMS(c.NotAfter), c.Actor)
		return err
	})
	if err != nil {
		return Issued{}, fmt.Errorf("certificate of %s: %w", id, err)
	}
	r.mu.Lock()
	r.certs[c.Serial] = c
	r.mu.Unlock()
	return made, nil
}

// Revoke ends a certificate and the device's session.
func (r *Registry) Revoke(ctx context.Context, id, serial string) error {
	r.edit.Lock()
	defer r.edit.Unlock()
	r.mu.RLock()
	c, ok := r.certs[serial]
	r.mu.RUnlock()
	if !ok || c.Device != id {
		return fmt.Errorf("certificate %s of %s: %w", serial, id, ErrNoCertificate)
	}
	if !c.RevokedAt.IsZero() {
		return nil
	}
	c.RevokedAt = time.Now().UTC()
	err := r.db.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE device_certificates SET revoked_at = ? WHERE serial = ?`, toMS(c.RevokedAt), serial)
		return err
	})
	if err != nil {
		return fmt.Errorf("revoke %s: %w", serial, err)
	}
	r.mu.Lock()
	r.certs[serial] = c
	r.mu.Unlock()
	if rec := r.find(id); rec != nil {
		r.end(rec)
	}
	return nil
}

// Certificates of a device, newest first.
func (r *Registry) Certificates(id string) []Certificate {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := []Certificate{}
	for _, c := range r.certs {
		if c.Device == id {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b Certificate) int { return b.IssuedAt.Compare(a.IssuedAt) })
	return all
}

func (r *Registry) loadCertificates(ctx context.Context) error {
	rows, err := r.db.Read().QueryContext(ctx, `SELECT serial, device, issued_at, not_after, actor, revoked_at FROM device_certificates`)
	if err != nil {
		return fmt.Errorf("devices: load certificates: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var c Certificate
		var issued, after, revoked int64
		if err := rows.Scan(&c.Serial, &c.Device, &issued, &after, &c.Actor, &revoked); err != nil {
			return fmt.Errorf("devices: load certificates: %w", err)
		}
		c.IssuedAt, c.NotAfter, c.RevokedAt = fromMS(issued), fromMS(after), fromMS(revoked)
		r.certs[c.Serial] = c
	}
	return rows.Err()
}
