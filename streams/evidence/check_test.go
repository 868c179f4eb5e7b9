package evidence

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func keyOf(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

// made is a clip of n fragments and its video.
func made(t testing.TB, n int, key ed25519.PrivateKey) (*Signed, []byte) {
	t.Helper()
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	var video []byte
	m := Manifest{
		Format: Format, Kind: Original, Clip: "01X", Camera: "cam-1", CameraName: "东门 <1>", Reason: "温度 & \"烟\"", Stream: "sub",
		Wanted: Span{at, at.Add(time.Second)}, Shows: Span{at, at.Add(time.Second)}, First: Clocks{Server: at}, State: "complete", SignedAt: at,
	}
	for i := range n + 1 {
		b := bytes.Repeat([]byte{byte(i), 7}, 50+i)
		sum := sha256.Sum256(b)
		p := Part{Size: int64(len(b)), SHA256: hex.EncodeToString(sum[:]), From: at, MS: 500, File: "reel.mp4", FileAt: int64(1000 + len(video))}
		if i == 0 {
			p = Part{Size: p.Size, SHA256: p.SHA256}
			m.Video.Head = base64.StdEncoding.EncodeToString(b)
		}
		m.Parts = append(m.Parts, p)
		video = append(video, b...)
	}
	var err error
	if m.Video.Size, err = Chain(m.Parts); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(video)
	m.Video.SHA256 = hex.EncodeToString(sum[:])
	s, err := Sign(m, key)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = Parse(s.Raw()); err != nil {
		t.Fatal(err)
	}
	return s, video
}

func file(b []byte) File { return File{bytes.NewReader(b), int64(len(b))} }

func codes(r Report) string {
	var out []string
	for _, f := range r.Findings {
		if f.Part > 0 {
			out = append(out, fmt.Sprintf("%s %d", f.Code, f.Part))
		} else {
			out = append(out, f.Code)
		}
	}
	return strings.Join(out, ", ")
}

// Whatever is changed is found, and named for what it is.
func TestTampering(t *testing.T) {
	key, other := keyOf("hub"), keyOf("other")
	for _, c := range []struct {
		name  string
		video func([]byte) []byte
		text  func(string) string
		key   ed25519.PublicKey
		want  string
	}{
		{name: "nothing", key: public(key)},
		{name: "nothing, any key"},
		{name: "another key expected", key: public(other), want: "key"},
		{name: "one bit of fragment 7", video: func(b []byte) []byte { b[800] ^= 1; return b }, want: "fragment 7"},
		{name: "header", video: func(b []byte) []byte { b[3]++; return b }, want: "fragment"},
		{name: "first and last byte", video: func(b []byte) []byte { b[0]++; b[len(b)-1]++; return b }, want: "fragment, fragment 9"},
		{name: "cut off", video: func(b []byte) []byte { return b[:len(b)-150] }, want: "short, missing 8, missing 9"},
		{name: "appended", video: func(b []byte) []byte { return append(b, 0) }, want: "long"},
		{name: "removed in the middle", video: func(b []byte) []byte { return append(b[:500:500], b[501:]...) },
			want: "short, fragment 4, fragment 5, fragment 6, fragment 7, fragment 8, missing 9"},
		{name: "another camera", text: func(s string) string { return strings.Replace(s, "cam-1", "cam-2", 1) }, want: "signature"},
		{name: "another time", text: func(s string) string { return strings.ReplaceAll(s, "03:04:05", "04:04:05") }, want: "signature"},
		{name: "white space", text: func(s string) string { return strings.Replace(s, `"clip":`, "\n  \"clip\" : ", 1) }},
		{name: "another whole", text: func(s string) string { return swap(s, `"video":{"size":1090,"sha256":"`) }, want: "signature, total"},
		{name: "another key inside", text: func(s string) string {
			return strings.Replace(s, base64.StdEncoding.EncodeToString(public(key)), base64.StdEncoding.EncodeToString(public(other)), 1)
		}, key: public(key), want: "key, signature"},
		{name: "no key inside", text: func(s string) string {
			return strings.Replace(s, base64.StdEncoding.EncodeToString(public(key)), "", 1)
		}, want: "key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, video := made(t, 9, key)
			if c.text != nil {
				var err error
				text := c.text(string(s.Raw()))
				if text == string(s.Raw()) {
					t.Fatal("the test changed nothing")
				}
				if s, err = Parse([]byte(text)); err != nil {
					t.Fatal(err)
				}
			}
			if c.video != nil {
				video = c.video(video)
			}
			r := Check(c.name, s, file(video), c.key)
			if got := codes(r); got != c.want || r.OK != (c.want == "") {
				t.Fatalf("found %q, want %q: %+v", got, c.want, r.Findings)
			}
		})
	}
}

// swap changes the text behind a word by one digit.
func swap(s, word string) string {
	at := strings.Index(s, word) + len(word)
	digit := "0"
	if s[at] == '0' {
		digit = "1"
	}
	return s[:at] + digit + s[at+1:]
}

// Somebody who signs with a key of his own can make the rest agree, but not the key.
func TestForgery(t *testing.T) {
	forged, video := made(t, 3, keyOf("forger"))
	if r := Check("x", forged, file(video), nil); !r.OK || r.Expected {
		t.Fatalf("got %+v", r)
	}
	if r := Check("x", forged, file(video), public(keyOf("hub"))); codes(r) != "key" {
		t.Fatalf("got %+v", r)
	}
}

func TestManifestThatContradictsItself(t *testing.T) {
	s, _ := made(t, 3, keyOf("hub"))
	text := string(s.Raw())
	for name, c := range map[string]struct {
		change func(string) string
		want   error
	}{
		"chain":        {func(s string) string { return swap(s, `"chain":"`) }, ErrMalformed},
		"hash":         {func(s string) string { return swap(s, `"n":2,"at":202,"size":104,"sha256":"`) }, ErrMalformed},
		"order":        {func(s string) string { return strings.Replace(s, `"n":1,`, `"n":2,`, 1) }, ErrMalformed},
		"place":        {func(s string) string { return strings.Replace(s, `"at":100,`, `"at":101,`, 1) }, ErrMalformed},
		"size":         {func(s string) string { return strings.Replace(s, `"size":106`, `"size":105`, 1) }, ErrMalformed},
		"no size":      {func(s string) string { return strings.Replace(s, `"size":106`, `"size":0`, 1) }, ErrMalformed},
		"huge":         {func(s string) string { return strings.Replace(s, `"size":106`, `"size":9223372036854775807`, 1) }, ErrMalformed},
		"whole":        {func(s string) string { return strings.Replace(s, `{"size":412,`, `{"size":413,`, 1) }, ErrMalformed},
		"format":       {func(s string) string { return strings.Replace(s, Format, "dongyue-clip/2", 1) }, ErrNoManifest},
		"other JSON":   {func(string) string { return `{"items":[]}` }, ErrNoManifest},
		"no JSON":      {func(string) string { return "\x00\x00" }, ErrNoManifest},
		"wrong type":   {func(s string) string { return strings.Replace(s, `"width":0`, `"width":"0"`, 1) }, ErrNoManifest},
		"very long":    {func(s string) string { return s + strings.Repeat(" ", maxManifest) }, ErrNoManifest},
		"header short": {func(s string) string { return strings.Replace(s, `"head":"AAcA`, `"head":"`, 1) }, ErrMalformed},
	} {
		changed := c.change(text)
		if changed == text {
			t.Fatalf("%s: the test changed nothing in %s", name, text)
		}
		if _, err := Parse([]byte(changed)); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

// folder lays a clip out in every form that people have.
func folder(t *testing.T, s *Signed, video []byte) string {
	t.Helper()
	dir := t.TempDir()
	put := func(name string, b []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reel := append(bytes.Repeat([]byte{9}, 1000), video...)
	put("hub/cam-1/reel.mp4", reel)
	put("hub/cam-1/01X.json", s.Raw())
	put("download/video.mp4", video)
	put("download/manifest.json", s.Raw())
	put("pair/case.mp4", video)
	put("pair/case.json", s.Raw())
	put("alone/manifest.json", s.Raw())
	put("other/settings.json", []byte("{}"))
	put("lonely/video.mp4", video)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range map[string][]byte{ManifestName: s.Raw(), VideoName: video} {
		f, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = f.Write(text)
	}
	_ = z.Close()
	put("zip/x.zip", b.Bytes())
	return dir
}

// What was a clip is told of, whatever has become of it: in a folder of many a damaged
// one must not be passed over.
func TestDamagedFiles(t *testing.T) {
	s, video := made(t, 5, keyOf("hub"))
	id := "01M8H76EJYN2R7YCVAGMJZFETF"
	archive := func(names ...string) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, name := range names {
			f, err := z.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			text := video
			if strings.HasSuffix(strings.ToLower(name), ".json") {
				text = s.Raw()
			}
			_, _ = f.Write(text)
		}
		_ = z.Close()
		return b.Bytes()
	}
	whole := archive(ManifestName, VideoName)
	for name, c := range map[string]struct {
		file string
		b    []byte
	}{
		"cut off":                {id + ".json", s.Raw()[:len(s.Raw())/2]},
		"emptied":                {id + ".json", nil},
		"a byte changed":         {"case.json", bytes.Replace(s.Raw(), []byte(`"parts":[`), []byte(`"parts":{`), 1)},
		"another format":         {"case.json", bytes.Replace(s.Raw(), []byte(Format), []byte("dongyue-clip/9"), 1)},
		"an archive cut off":     {"x.zip", whole[:len(whole)-30]},
		"an empty archive":       {"x.zip", nil},
		"no manifest":            {"x.zip", archive(VideoName)},
		"two videos":             {"x.zip", archive(ManifestName, VideoName, VideoName)},
		"two videos on Windows":  {"x.zip", archive(ManifestName, VideoName, "CLIP.MP4")},
		"two manifests":          {"x.zip", archive(ManifestName, VideoName, "./"+ManifestName)},
		"two, by a backward way": {"x.zip", archive(ManifestName, VideoName, `.\`+VideoName)},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, c.file)
		if err := os.WriteFile(file, c.b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "notes.json"), []byte(`{"a":1}`), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{dir, file} {
			if rs, err := CheckPath(path, nil); err != nil || len(rs) != 1 || rs[0].OK {
				t.Errorf("%s, %s: %+v, %v", name, filepath.Base(path), rs, err)
			}
		}
	}
	if file := filepath.Join(t.TempDir(), "x.zip"); os.WriteFile(file, archive(ManifestName, VideoName, "README.txt"), 0o600) == nil {
		if rs, err := CheckPath(file, nil); err != nil || !rs[0].OK {
			t.Errorf("a good one: %+v, %v", rs, err)
		}
	}
}

func TestPaths(t *testing.T) {
	s, video := made(t, 5, keyOf("hub"))
	dir := folder(t, s, video)
	for path, want := range map[string]string{
		"hub": "", "hub/cam-1/01X.json": "", "download": "", "download/video.mp4": "", "download/manifest.json": "",
		"pair": "", "pair/case.mp4": "", "pair/case.json": "", "zip": "", "zip/x.zip": "",
		"alone": "missing 1, missing 2, missing 3, missing 4, missing 5",
	} {
		rs, err := CheckPath(filepath.Join(dir, path), public(keyOf("hub")))
		if err != nil || len(rs) != 1 || codes(rs[0]) != want {
			t.Errorf("%s: %+v, %v", path, rs, err)
		}
	}
	for _, path := range []string{"other", "other/settings.json", "lonely", "lonely/video.mp4", "nothing"} {
		if rs, err := CheckPath(filepath.Join(dir, path), nil); err == nil {
			t.Errorf("%s: %+v", path, rs)
		}
	}
	// One clip is spoilt: of the reel's only those are that have these bytes.
	reel := filepath.Join(dir, "hub/cam-1/reel.mp4")
	b, err := os.ReadFile(reel)
	if err != nil {
		t.Fatal(err)
	}
	b[1000+350]++
	if err := os.WriteFile(reel, b, 0o600); err != nil {
		t.Fatal(err)
	}
	rs, err := CheckPath(dir, nil)
	bad := 0
	for _, r := range rs {
		if !r.OK && !strings.Contains(r.Name, "alone") {
			bad++
			if codes(r) != "fragment 3" {
				t.Errorf("got %+v", r)
			}
		}
	}
	if err != nil || len(rs) != 5 || bad != 1 {
		t.Errorf("%d clips, %d bad, %v", len(rs), bad, err)
	}
}

// The readme of an export says how to check a signature without this program.
func TestSignatureByOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	s, _ := made(t, 2, keyOf("hub"))
	dir := t.TempDir()
	_, rest, _ := strings.Cut(string(s.Raw()), `{"manifest":`)
	text, rest, _ := strings.Cut(rest, `,"signature":"`)
	signature, err := base64.StdEncoding.DecodeString(strings.TrimRight(rest, "\"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	der := append([]byte{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00}, public(keyOf("hub"))...) // RFC 8410
	for name, b := range map[string][]byte{"text": []byte(text), "sig": signature, "key": der} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key", "-rawin", "-in", "text", "-sigfile", "sig")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func TestKeys(t *testing.T) {
	want := public(keyOf("hub"))
	text := base64.StdEncoding.EncodeToString(want)
	dir := t.TempDir()
	for name, content := range map[string]string{"plain": text + "\n", "json": `{"algorithm":"ed25519","public_key":"` + text + `"}`, "bad": "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []string{text, " " + text, filepath.Join(dir, "plain"), filepath.Join(dir, "json")} {
		if got, err := ParseKey(s); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range []string{"", "abc", filepath.Join(dir, "bad"), dir, text[:20]} {
		if _, err := ParseKey(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}

// FuzzVerify: whatever a manifest says, reading and checking it neither panics nor
// takes it for good unless it is the one that was signed.
func FuzzVerify(f *testing.F) {
	s, video := made(f, 3, keyOf("hub"))
	f.Add(s.Raw(), video)
	f.Add([]byte(`{"manifest":{"format":"dongyue-clip/1"},"signature":""}`), []byte{})
	f.Add([]byte(`{"manifest":{"format":"dongyue-clip/1","parts":[{"n":0,"size":-1}]}}`), video)
	f.Add(bytes.ReplaceAll(s.Raw(), []byte("reel.mp4"), []byte("../reel.mp4")), video)
	f.Fuzz(func(t *testing.T, manifest, video []byte) {
		got, err := Parse(manifest)
		if err != nil {
			return
		}
		r := Check("x", got, file(video), public(keyOf("hub")))
		if r.OK && !bytes.Equal(got.text, s.text) {
			t.Fatalf("a forgery is taken for good: %s", manifest)
		}
		for i := range got.Parts {
			if f, err := (reels{"nowhere", got}).Open(&got.Parts[i]); err == nil {
				_ = f.Close()
			}
		}
	})
}
