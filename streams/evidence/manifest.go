package evidence

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Format of the manifests written now.
const Format = "dongyue-clip/1"

// What a manifest belongs to.
const (
	Original = "original" // the recording, fragment by fragment
	Export   = "export"   // one file made of it, with the same pictures
)

// Manifest says what a clip is. All numbers are whole, so that every JSON writer
// writes them alike; times are UTC.
type Manifest struct {
	Format      string    `json:"format"`
	Kind        string    `json:"kind"`
	Clip        string    `json:"clip"`
	Camera      string    `json:"camera"`
	CameraName  string    `json:"camera_name"`
	Alarm       string    `json:"alarm"`
	Reason      string    `json:"reason"`
	Stream      string    `json:"stream"` // main or sub
	Wanted      Span      `json:"wanted"` // what was asked for
	Shows       Span      `json:"shows"`  // what the video shows, by the server's clock
	First       Clocks    `json:"first"`
	Codec       string    `json:"codec"`           // as RFC 6381 has it: avc1.4d401f
	Sound       string    `json:"sound,omitempty"` // pcma, pcmu, opus or aac; it lies in the parts beside the pictures
	Width       int       `json:"width"`
	Height      int       `json:"height"`
	State       string    `json:"state"`
	Interrupted bool      `json:"interrupted"`       // the hub was stopped while it recorded
	Problem     string    `json:"problem,omitempty"` // code of why it ended early
	Gaps        []Gap     `json:"gaps"`
	Video       Video     `json:"video"`
	Parts       []Part    `json:"parts"`
	Exported    *Exported `json:"exported,omitempty"`
	Software    string    `json:"software"`
	SignedAt    time.Time `json:"signed_at"`
	PublicKey   string    `json:"public_key"` // Ed25519, base64
}

// Span is from one moment to another.
type Span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Clocks are the moment of the first picture as the server and the camera have it.
type Clocks struct {
	Server time.Time  `json:"server"`
	Camera *time.Time `json:"camera"`  // nil: the camera does not tell (no RTCP sender report)
	SkewMS int64      `json:"skew_ms"` // camera less server
}

// Gap is a time without pictures.
type Gap struct {
	Span
	Reason string `json:"reason"` // a stable code, as camera.unreachable
}

// Video is the file as a whole.
type Video struct {
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
	Head   string `json:"head,omitempty"` // part 0 in base64, where the rest lies in files of the hub
}

// Part is a piece of the video; part 0 is the file's header, each other a fragment
// of up to a second. The parts follow each other without space between.
type Part struct {
	N      int       `json:"n"`
	At     int64     `json:"at"`     // first byte in the video
	Size   int64     `json:"size"`   // bytes
	SHA256 string    `json:"sha256"` // of these bytes
	Chain  string    `json:"chain"`  // SHA-256 of the chain before, then of the hash above
	From   time.Time `json:"from,omitzero"`
	MS     int64     `json:"ms,omitempty"`
	File   string    `json:"file,omitempty"` // of the hub, beside the manifest, that holds it
	FileAt int64     `json:"file_at,omitempty"`
}

// Exported says who took the clip out of the hub, and why.
type Exported struct {
	By     string    `json:"by"`   // account id
	Name   string    `json:"name"` // as shown
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	Of     string    `json:"of"`    // SHA-256 of the original video
	Chain  string    `json:"chain"` // last link of the original's chain
}

// Signed is a manifest as it lies in a file: {"manifest": …, "signature": …}.
type Signed struct {
	Manifest
	text      []byte // what is signed: the manifest without white space
	signature []byte
	raw       []byte
}

// Raw is the file.
func (s *Signed) Raw() []byte { return s.raw }

// Sign completes a manifest with the key's public half and signs it.
func Sign(m Manifest, key ed25519.PrivateKey) (*Signed, error) {
	m.PublicKey = base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey)) //nolint:forcetypeassert // the library's promise
	if m.Gaps == nil {
		m.Gaps = []Gap{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // other writers don't
	if err := e.Encode(m); err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	text := bytes.TrimSpace(b.Bytes())
	s := &Signed{Manifest: m, text: text, signature: ed25519.Sign(key, text)}
	s.raw = fmt.Appendf(nil, "{\"manifest\":%s,\"signature\":%q}\n", text, base64.StdEncoding.EncodeToString(s.signature))
	return s, nil
}

// maxManifest bounds what is read (bytes): ten minutes of fragments are a tenth of it.
const maxManifest = 8 << 20

// What Parse refuses.
var (
	ErrNoManifest = errors.New("this is not a clip's manifest")
	ErrMalformed  = errors.New("the manifest contradicts itself")
)

// Parse reads a manifest and checks that it agrees with itself. It does not check
// the signature; Check does.
func Parse(b []byte) (*Signed, error) {
	if len(b) > maxManifest {
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrNoManifest, maxManifest)
	}
	var file struct {
		Manifest  json.RawMessage `json:"manifest"`
		Signature []byte          `json:"signature"`
	}
	if err := json.Unmarshal(b, &file); err != nil || len(file.Manifest) == 0 {
		return nil, fmt.Errorf("%w: no JSON with a member \"manifest\"", ErrNoManifest)
	}
	s := &Signed{signature: file.Signature, raw: b}
	if err := json.Unmarshal(file.Manifest, &s.Manifest); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoManifest, err)
	}
	if s.Format != Format {
		return nil, fmt.Errorf("%w: its format is %q, and this program knows %q", ErrNoManifest, s.Format, Format)
	}
	var text bytes.Buffer
	if err := json.Compact(&text, file.Manifest); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoManifest, err)
	}
	s.text = text.Bytes()
	return s, s.agree()
}

// agree checks that the parts make up the video and the chain its hashes.
func (s *Signed) agree() error {
	var at int64
	var chain []byte
	for i := range s.Parts {
		p := &s.Parts[i]
		sum, err := hex.DecodeString(p.SHA256)
		if err != nil || len(sum) != sha256.Size {
			return fmt.Errorf("%w: fragment %d has no SHA-256", ErrMalformed, i)
		}
		if p.N != i || p.At != at || p.Size <= 0 || p.FileAt < 0 {
			return fmt.Errorf("%w: fragment %d is not where the one before ends", ErrMalformed, i)
		}
		if at += p.Size; at <= 0 {
			return fmt.Errorf("%w: fragment %d has an impossible size", ErrMalformed, i)
		}
		chain = link(chain, sum)
		if p.Chain != hex.EncodeToString(chain) {
			return fmt.Errorf("%w: the chain breaks at fragment %d", ErrMalformed, i)
		}
	}
	if at != s.Video.Size {
		return fmt.Errorf("%w: the fragments have %d bytes, the video %d", ErrMalformed, at, s.Video.Size)
	}
	if head, err := base64.StdEncoding.DecodeString(s.Video.Head); err != nil || len(head) > 0 && (len(s.Parts) == 0 || int64(len(head)) != s.Parts[0].Size) {
		return fmt.Errorf("%w: the header in it is not fragment 0", ErrMalformed)
	}
	return nil
}

func link(chain, sum []byte) []byte {
	h := sha256.New()
	h.Write(chain)
	h.Write(sum)
	return h.Sum(nil)
}

// Chain numbers the parts, puts them behind one another and links their hashes.
func Chain(parts []Part) (size int64, err error) {
	var chain []byte
	for i := range parts {
		p := &parts[i]
		sum, err := hex.DecodeString(p.SHA256)
		if err != nil {
			return 0, fmt.Errorf("hash of fragment %d: %w", i, err)
		}
		chain = link(chain, sum)
		p.N, p.At, p.Chain = i, size, hex.EncodeToString(chain)
		size += p.Size
	}
	return size, nil
}

// Fingerprint names a public key in a form that people can compare.
func Fingerprint(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}
