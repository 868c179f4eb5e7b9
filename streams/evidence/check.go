package evidence

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
)

// Finding is something that is not as the manifest says.
type Finding struct {
	Code string `json:"code"` // manifest, signature, key, fragment, missing, short, long, total
	Part int    `json:"fragment,omitempty"`
	Text string `json:"text"`
}

// Report is what came of checking one clip.
type Report struct {
	Name     string    `json:"name"`
	Clip     string    `json:"clip"`
	Kind     string    `json:"kind,omitempty"`
	Camera   string    `json:"camera,omitempty"`
	Shows    *Span     `json:"shows,omitempty"`
	Parts    int       `json:"fragments,omitempty"`
	Key      string    `json:"key,omitempty"` // fingerprint of the key that signed
	Expected bool      `json:"key_expected"`  // it is the one that was asked for
	OK       bool      `json:"ok"`
	Findings []Finding `json:"findings"`
}

func (r *Report) find(code string, part int, format string, args ...any) {
	r.Findings = append(r.Findings, Finding{code, part, fmt.Sprintf(format, args...)})
}

// Pieces gives the bytes of a clip.
type Pieces interface {
	// Open returns the bytes of a part; more of them than the part has are ignored.
	Open(p *Part) (io.ReadCloser, error)
	// Size is the size of the video as it is found; -1: it does not lie in one file.
	Size() int64
}

// Check compares a clip with its manifest and the manifest with its signature. key
// is the one that must have signed; nil takes the one that the manifest names, which
// proves that nothing was changed since, but not by whom it was recorded.
func Check(name string, s *Signed, video Pieces, key ed25519.PublicKey) Report {
	r := Report{
		Name: name, Clip: s.Clip, Kind: s.Kind, Camera: s.Camera, Shows: &s.Shows, Parts: len(s.Parts), Expected: key != nil, Findings: []Finding{},
	}
	checkSignature(&r, s, key)
	checkVideo(&r, s, video)
	r.OK = len(r.Findings) == 0
	return r
}

// Unreadable is the report on what can't even be read as a manifest.
func Unreadable(name string, err error) Report {
	r := Report{Name: name}
	r.find("manifest", 0, "%s", err)
	return r
}

func checkSignature(r *Report, s *Signed, want ed25519.PublicKey) {
	named, err := base64.StdEncoding.DecodeString(s.PublicKey)
	if err != nil || len(named) != ed25519.PublicKeySize {
		r.Expected = false
		r.find("key", 0, "the manifest names no Ed25519 key")
		return
	}
	r.Key = Fingerprint(named)
	if want != nil && !bytes.Equal(named, want) {
		r.Expected = false
		r.find("key", 0, "the key is not the expected one: it was signed with %s, expected is %s", r.Key, Fingerprint(want))
	}
	if !ed25519.Verify(named, s.text, s.signature) {
		r.find("signature", 0, "the manifest was altered: its signature does not belong to this text")
	}
}

func checkVideo(r *Report, s *Signed, video Pieces) {
	if size := video.Size(); size >= 0 && size != s.Video.Size {
		if size < s.Video.Size {
			r.find("short", 0, "the video ends after %d of %d bytes", size, s.Video.Size)
		} else {
			r.find("long", 0, "%d bytes were added behind the %d of the video", size-s.Video.Size, s.Video.Size)
		}
	}
	total, whole := sha256.New(), true
	for i := range s.Parts {
		whole = checkPart(r, &s.Parts[i], video, total) && whole
	}
	if sum := hex.EncodeToString(total.Sum(nil)); whole && sum != s.Video.SHA256 {
		r.find("total", 0, "the hash of the whole video is %s, and the manifest has %s", sum, s.Video.SHA256)
	}
}

func checkPart(r *Report, p *Part, video Pieces, total hash.Hash) bool {
	where := fmt.Sprintf("fragment %d (bytes %d to %d", p.N, p.At, p.At+p.Size-1)
	if !p.From.IsZero() {
		where += ", " + p.From.UTC().Format("15:04:05.000")
	}
	where += ")"
	f, err := video.Open(p)
	if err != nil {
		r.find("missing", p.N, "%s is not there: %s", where, err)
		return false
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(sum, total), io.LimitReader(f, p.Size))
	switch {
	case err != nil:
		r.find("missing", p.N, "%s can't be read: %s", where, err)
	case n < p.Size:
		r.find("missing", p.N, "%s is cut off after %d bytes", where, n)
	case hex.EncodeToString(sum.Sum(nil)) != p.SHA256:
		r.find("fragment", p.N, "%s was changed", where)
	default:
		return true
	}
	return false
}

// File is a video that lies in one piece.
type File struct {
	io.ReaderAt
	Bytes int64
}

// Open implements Pieces.
func (f File) Open(p *Part) (io.ReadCloser, error) {
	if p.At >= f.Bytes {
		return nil, errors.New("the video ends before it")
	}
	return io.NopCloser(io.NewSectionReader(f, p.At, p.Size)), nil
}

// Size implements Pieces.
func (f File) Size() int64 { return f.Bytes }
