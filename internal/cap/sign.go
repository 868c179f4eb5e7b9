package cap

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// Why a message is not believed.
var (
	ErrUnsigned  = errors.New("the message is not signed")
	ErrSignature = errors.New("the signature is not good")
	ErrUnknown   = errors.New("the signature was made with a key that is not known")
	ErrSender    = errors.New("the key speaks for another sender")
)

// Keys are the certificates that are believed. Each speaks for the sender whose name is
// its common name; who signed the certificate does not matter, it is known by itself.
type Keys struct {
	certs []*x509.Certificate
}

// minKey is the shortest RSA key that is taken (bits).
const minKey = 2048

// LoadKeys reads the *.pem files of a folder.
func LoadKeys(dir string) (*Keys, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.pem"))
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	k := &Keys{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("keys: %w", err)
		}
		for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
			if block.Type != "CERTIFICATE" {
				continue
			}
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("keys: %s: %w", f, err)
			}
			if err := k.Add(c); err != nil {
				return nil, fmt.Errorf("keys: %s: %w", f, err)
			}
		}
	}
	return k, nil
}

// Add believes one more certificate.
func (k *Keys) Add(c *x509.Certificate) error {
	switch {
	case !goodKey(c.PublicKey):
		return fmt.Errorf("the key is neither RSA of at least %d bits nor ECDSA on P-256 or P-384", minKey)
	case c.Subject.CommonName == "":
		return errors.New("the certificate has no common name: it is the sender that it speaks for")
	}
	k.certs = append(k.certs, c)
	return nil
}

// goodKey takes what cannot be broken.
func goodKey(key crypto.PublicKey) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= minKey
	case *ecdsa.PublicKey:
		return k.Curve == elliptic.P256() || k.Curve == elliptic.P384()
	}
	return false
}

// Senders are the names that are believed.
func (k *Keys) Senders() (names []string) {
	for _, c := range k.certs {
		names = append(names, c.Subject.CommonName)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Open checks the signature of a message and reads what it covers, and nothing else.
func (k *Keys) Open(b []byte, now time.Time) (*Message, error) {
	if err := scan(b); err != nil {
		return nil, err
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(b); err != nil {
		return nil, bad("", "is not XML: %v", err)
	}
	if err := oneSignature(doc.Root()); err != nil {
		return nil, err
	}
	if err := forLibrary(doc.Root()); err != nil {
		return nil, err
	}
	// Keys are tried one by one: a message need not bring its certificate, and what it
	// brings proves nothing.
	given := doc.FindElement("//Signature/KeyInfo/X509Data/X509Certificate") != nil
	problem := ErrUnknown
	for _, c := range k.certs {
		root, err := verify(doc.Root(), c, now)
		if err != nil {
			if !given || !errors.Is(err, errOtherKey) {
				problem = fmt.Errorf("%w: %w", ErrSignature, err)
			}
			continue
		}
		m, err := fromTree(root)
		if err != nil {
			return nil, err
		}
		if m.Sender != c.Subject.CommonName {
			return nil, fmt.Errorf("%w: %q, not %q", ErrSender, c.Subject.CommonName, m.Sender)
		}
		return m, nil
	}
	return nil, problem
}

var errOtherKey = errors.New("another key")

func verify(root *etree.Element, c *x509.Certificate, now time.Time) (covered *etree.Element, err error) {
	defer func() { // other people's code meets outside bytes
		if r := recover(); r != nil {
			covered, err = nil, fmt.Errorf("%v", r)
		}
	}()
	if e := root.FindElement("./Signature/KeyInfo/X509Data/X509Certificate"); e != nil {
		if !bytes.Equal(unbase64(e.Text()), c.Raw) {
			return nil, errOtherKey
		}
	}
	v := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{c}})
	v.IdAttribute = "ID"
	v.Clock = dsig.NewFakeClockAt(now)
	return v.Validate(root)
}

// Algorithms that are taken. What is older can be forged.
func goodAlgorithm(a string) bool {
	return slices.Contains([]string{
		dsig.RSASHA256SignatureMethod, dsig.RSASHA512SignatureMethod, dsig.ECDSASHA256SignatureMethod, dsig.ECDSASHA384SignatureMethod,
		"http://www.w3.org/2001/04/xmldsig-more#sha384",
		"http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmlenc#sha512",
	}, a)
}

// oneSignature refuses every shape but one: a signature that is a child of the alert and
// covers all of it. Wrapping attacks live on the others.
func oneSignature(root *etree.Element) error {
	all := root.FindElements(".//Signature")
	if len(all) == 0 {
		return ErrUnsigned
	}
	s := all[0]
	if len(all) != 1 || s.Parent() != root || s.NamespaceURI() != signature || root.Tag != "alert" || root.NamespaceURI() != Namespace {
		return fmt.Errorf("%w: there must be one, directly in the alert", ErrSignature)
	}
	for _, a := range root.Attr {
		if a.Space != "xmlns" && a.Key != "xmlns" {
			return fmt.Errorf("%w: the alert has an attribute %.20q", ErrSignature, a.Key)
		}
	}
	refs := s.FindElements(".//Reference")
	if len(refs) != 1 || refs[0].SelectAttrValue("URI", "-") != "" || len(s.FindElements(".//Object")) != 0 {
		return fmt.Errorf(`%w: it must cover the whole alert, with one Reference URI=""`, ErrSignature)
	}
	transforms := refs[0].FindElements(".//Transform")
	if len(transforms) != 2 || transforms[0].SelectAttrValue("Algorithm", "") != string(dsig.EnvelopedSignatureAltorithmId) {
		return fmt.Errorf("%w: its transforms must be the enveloped signature and a canonical form", ErrSignature)
	}
	for _, tag := range []string{"SignatureMethod", "DigestMethod"} {
		ms := s.FindElements(".//" + tag)
		if len(ms) != 1 || !goodAlgorithm(ms[0].SelectAttrValue("Algorithm", "")) {
			return fmt.Errorf("%w: %s must be RSA with SHA-256 or SHA-512, or ECDSA with SHA-256 or SHA-384", ErrSignature, tag)
		}
	}
	return nil
}

// Signer signs messages of one's own.
type Signer struct {
	key    crypto.Signer
	certs  [][]byte
	method string
}

// NewSigner takes a certificate with its key.
func NewSigner(pair tls.Certificate) (*Signer, error) {
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok || len(pair.Certificate) == 0 || !goodKey(key.Public()) {
		return nil, fmt.Errorf("cap: the key is neither RSA of at least %d bits nor ECDSA on P-256 or P-384", minKey)
	}
	s := &Signer{key, pair.Certificate, dsig.RSASHA256SignatureMethod}
	if k, ok := key.Public().(*ecdsa.PublicKey); ok {
		s.key, s.method = fixed{key, half(k)}, dsig.ECDSASHA256SignatureMethod
		if k.Curve == elliptic.P384() {
			s.method = dsig.ECDSASHA384SignatureMethod
		}
	}
	return s, nil
}

// Sign writes a message and signs it.
func (s *Signer) Sign(m *Message) ([]byte, error) { return s.SignXML(m.XML()) }

// SignXML signs a message that is written already; a signature that it has is replaced.
func (s *Signer) SignXML(b []byte) ([]byte, error) {
	if err := scan(b); err != nil {
		return nil, err
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(b); err != nil {
		return nil, bad("", "is not XML: %v", err)
	}
	for _, e := range doc.Root().FindElements("./Signature") {
		doc.Root().RemoveChild(e)
	}
	if _, err := fromTree(doc.Root()); err != nil {
		return nil, err
	}
	ctx, err := dsig.NewSigningContext(s.key, s.certs)
	if err != nil {
		return nil, fmt.Errorf("cap: %w", err)
	}
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if err := ctx.SetSignatureMethod(s.method); err != nil {
		return nil, fmt.Errorf("cap: %w", err)
	}
	signed, err := ctx.SignEnveloped(doc.Root())
	if err != nil {
		return nil, fmt.Errorf("cap: sign: %w", err)
	}
	out := etree.NewDocument()
	out.SetRoot(signed)
	text, err := out.WriteToString()
	if err != nil {
		return nil, fmt.Errorf("cap: %w", err)
	}
	return append([]byte(`<?xml version="1.0" encoding="UTF-8"?>`+"\n"), text...), nil
}
