package evidence

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Names of the files in an export.
const (
	ManifestName = "manifest.json"
	VideoName    = "clip.mp4"
	ReadmeName   = "README.txt"
	ViewerName   = "viewer.html"           // shows the video under a watermark
	CopyName     = "copy-not-evidence.mp4" // with the watermark in its pictures
)

// CheckPath checks what lies at a path: a manifest, a video with its manifest
// beside it, an export (zip), or a folder with any of these, such as the hub's own
// folder of clips. It fails only where there is nothing to check.
func CheckPath(path string, key ed25519.PublicKey) ([]Report, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return checkFolder(path, key)
	}
	r, err := checkFile(path, key)
	return []Report{r}, err
}

func checkFolder(root string, key ed25519.PublicKey) ([]Report, error) {
	var rs []Report
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if e := filepath.Ext(path); e != ".json" && e != ".zip" {
			return nil // videos are checked with their manifests
		}
		r, err := checkFile(path, key)
		if errors.Is(err, ErrNoManifest) {
			return nil //nolint:nilerr // some other file
		}
		rs = append(rs, r)
		return err
	})
	if err == nil && len(rs) == 0 {
		err = fmt.Errorf("there is no clip in %s", root)
	}
	return rs, err
}

func checkFile(path string, key ed25519.PublicKey) (Report, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".zip":
		return checkZip(path, key)
	case ".mp4":
		for _, name := range []string{strings.TrimSuffix(path, filepath.Ext(path)) + ".json", filepath.Join(filepath.Dir(path), ManifestName)} {
			if _, err := os.Stat(name); err == nil {
				return checkPair(path, name, path, key)
			}
		}
		return Report{}, fmt.Errorf("%s has no manifest beside it: put %s into the same folder", path, ManifestName)
	}
	base := strings.TrimSuffix(path, filepath.Ext(path))
	for _, name := range []string{base + ".mp4", filepath.Join(filepath.Dir(path), VideoName), filepath.Join(filepath.Dir(path), "video.mp4")} {
		if _, err := os.Stat(name); err == nil && (strings.HasPrefix(name, base) || filepath.Base(path) == ManifestName) {
			return checkPair(path, path, name, key)
		}
	}
	return checkPair(path, path, "", key)
}

// checkPair checks a manifest and its video; "" takes the hub's own files that the
// manifest names.
func checkPair(name, manifest, video string, key ed25519.PublicKey) (Report, error) {
	b, err := readAtMost(manifest)
	if err != nil {
		return Report{}, err
	}
	s, err := Parse(b)
	if errors.Is(err, ErrMalformed) || err != nil && ours(manifest, b) {
		return Unreadable(name, err), nil
	}
	if err != nil {
		return Report{}, fmt.Errorf("%s: %w", manifest, err)
	}
	if video == "" {
		return Check(name, s, reels{dir: filepath.Dir(manifest), s: s}, key), nil
	}
	f, err := os.Open(video)
	if err != nil {
		return Report{}, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return Report{}, err
	}
	return Check(name, s, File{f, info.Size()}, key), nil
}

// ours tells whether what can't be read was a clip's manifest: it must not be passed
// over as if it had nothing to do with clips.
func ours(path string, b []byte) bool {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	return bytes.HasPrefix(bytes.TrimSpace(b), []byte(`{"manifest"`)) || bytes.Contains(b, []byte(`"dongyue-clip/`)) ||
		len(name) == ulidLength && !json.Valid(b)
}

// ulidLength is how long the names are that the hub gives to clips.
const ulidLength = 26

func readAtMost(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxManifest+1))
}

func checkZip(file string, key ed25519.PublicKey) (Report, error) {
	z, err := zip.OpenReader(file)
	if errors.Is(err, zip.ErrFormat) || errors.Is(err, zip.ErrAlgorithm) || errors.Is(err, io.ErrUnexpectedEOF) {
		return Unreadable(file, errors.New("the archive is damaged or cut off")), nil
	}
	if err != nil {
		return Report{}, fmt.Errorf("%s: %w", file, err)
	}
	defer func() { _ = z.Close() }()
	if name := twice(z.File); name != "" {
		return Unreadable(file, fmt.Errorf("the archive has %s twice: what is taken out may not be what was checked", name)), nil
	}
	m, err := z.Open(ManifestName)
	if _, noVideo := fs.Stat(z, VideoName); err != nil && noVideo == nil {
		return Unreadable(file, fmt.Errorf("the archive has a video and no %s", ManifestName)), nil
	}
	if err != nil {
		return Report{}, fmt.Errorf("%s: %w: there is no %s in it", file, ErrNoManifest, ManifestName)
	}
	defer func() { _ = m.Close() }()
	b, err := io.ReadAll(io.LimitReader(m, maxManifest+1))
	if err != nil {
		return Unreadable(file, err), nil
	}
	s, err := Parse(b)
	if err != nil {
		return Unreadable(file, err), nil
	}
	v, err := z.Open(VideoName)
	if err != nil {
		return Check(file, s, File{bytes.NewReader(nil), 0}, key), nil
	}
	defer func() { _ = v.Close() }()
	return checkStream(file, s, v, key)
}

// twice names a file that an archive has more than once, as programs see it that take
// it out: capitals and separators make no difference on some systems.
func twice(files []*zip.File) string {
	seen := map[string]bool{}
	for _, f := range files {
		name := strings.ToLower(path.Clean("/" + strings.ReplaceAll(f.Name, `\`, "/")))
		if seen[name] && (name == "/"+ManifestName || name == "/"+VideoName) {
			return name[1:]
		}
		seen[name] = true
	}
	return ""
}

// checkStream checks a video that can only be read from front to back.
func checkStream(name string, s *Signed, v io.Reader, key ed25519.PublicKey) (Report, error) {
	tmp, err := os.CreateTemp("", "clip-*.mp4")
	if err != nil {
		return Report{}, err
	}
	defer func() {
		_ = tmp.Close()
		_ = os.Remove(tmp.Name())
	}()
	// A little more than it should be is enough to see that it is too long.
	n, err := io.Copy(tmp, io.LimitReader(v, s.Video.Size+1))
	r := Check(name, s, File{tmp, n}, key)
	if err != nil {
		r.find("missing", 0, "the video can't be read to its end: %s", err)
		r.OK = false
	}
	return r, nil
}

// CheckStream checks a manifest and a video as they come from elsewhere.
func CheckStream(name string, manifest []byte, video io.Reader, key ed25519.PublicKey) (Report, error) {
	s, err := Parse(manifest)
	if err != nil {
		return Unreadable(name, err), nil
	}
	return checkStream(name, s, video, key)
}

// reels are the hub's own files: the header stands in the manifest, the fragments
// lie in recordings that several clips may share.
type reels struct {
	dir string
	s   *Signed
}

// CheckReels checks a manifest against the hub's own files in a folder.
func CheckReels(name string, manifest []byte, dir string, key ed25519.PublicKey) Report {
	s, err := Parse(manifest)
	if err != nil {
		return Unreadable(name, err)
	}
	return Check(name, s, reels{dir: dir, s: s}, key)
}

// Open implements Pieces.
func (v reels) Open(p *Part) (io.ReadCloser, error) {
	if p.N == 0 && v.s.Video.Head != "" {
		b, err := base64.StdEncoding.DecodeString(v.s.Video.Head)
		return io.NopCloser(bytes.NewReader(b)), err
	}
	if p.File == "" || !filepath.IsLocal(p.File) {
		return nil, errors.New("the manifest names no file for it, and no video lies beside the manifest")
	}
	f, err := os.Open(filepath.Join(v.dir, p.File))
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(f, p.FileAt, p.Size), f}, nil
}

// Size implements Pieces.
func (reels) Size() int64 { return -1 }

// ParseKey reads a public key: base64 as the hub gives it, or a file that holds
// this, alone or as the answer of GET /api/v1/clips/key.
func ParseKey(s string) (ed25519.PublicKey, error) {
	if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s)); err == nil && len(b) == ed25519.PublicKeySize {
		return b, nil
	}
	if b, err := os.ReadFile(s); err == nil && len(b) < 4096 {
		text := string(b)
		var answer struct {
			PublicKey string `json:"public_key"`
		}
		if json.Unmarshal(b, &answer) == nil {
			text = answer.PublicKey
		}
		if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text)); err == nil && len(b) == ed25519.PublicKeySize {
			return b, nil
		}
	}
	return nil, errors.New("this is no Ed25519 key: give the public_key of GET /api/v1/clips/key, or a file that holds it")
}
