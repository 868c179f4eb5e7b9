package main

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dongyue/streams/evidence"
)

// clipOf makes a clip of one fragment, its video and its export.
func clipOf(t *testing.T) (manifest, video, archive []byte, key string) {
	t.Helper()
	seed := sha256.Sum256([]byte("hub"))
	private := ed25519.NewKeyFromSeed(seed[:])
	video = []byte("header" + "fragment")
	hash := func(b []byte) string { sum := sha256.Sum256(b); return hex.EncodeToString(sum[:]) }
	m := evidence.Manifest{
		Format: evidence.Format, Clip: "C1", Camera: "cam-1", Shows: evidence.Span{From: time.Now(), To: time.Now()},
		Parts: []evidence.Part{{Size: 6, SHA256: hash(video[:6])}, {Size: 8, SHA256: hash(video[6:])}},
		Video: evidence.Video{Size: 14, SHA256: hash(video)},
	}
	if _, err := evidence.Chain(m.Parts); err != nil {
		t.Fatal(err)
	}
	s, err := evidence.Sign(m, private)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range map[string][]byte{evidence.ManifestName: s.Raw(), evidence.VideoName: video} {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = f.Write(text)
	}
	_ = z.Close()
	return s.Raw(), video, b.Bytes(), base64.StdEncoding.EncodeToString(private.Public().(ed25519.PublicKey))
}

func TestClipsExitCodes(t *testing.T) {
	manifest, video, archive, key := clipOf(t)
	asked := fakeHub(t, map[string]string{
		"GET /clips?limit=100":                           `{"items":[{"id":"C1","camera":"cam-1","duration_ms":40000,"gaps":[{}]}],"next":""}`,
		"GET /clips?alarm=A1&camera=x&limit=5":           `{"items":[{"id":"C1"},{"id":"C2"}],"next":"C2"}`,
		"GET /clips?alarm=A1&camera=x&cursor=C2&limit=3": `{"items":[{"id":"C3"}],"next":""}`,
		"GET /clips?camera=ill&limit=100":                "ill",
		"GET /clips/C1/manifest.json":                    string(manifest),
		"GET /clips/C1/video.mp4":                        string(video),
		"GET /clips/C2/manifest.json":                    string(manifest),
		"GET /clips/C2/video.mp4":                        string(video[:13]),
		"GET /clips/key":                                 `{"algorithm":"ed25519","public_key":"` + key + `"}`,
		"POST /clips/C1/export":                          string(archive),
	})
	dir := t.TempDir()
	out := filepath.Join(dir, "x.zip")
	bad := filepath.Join(dir, "bad.zip")
	if err := os.WriteFile(bad, bytes.Replace(archive, []byte("fragment"), []byte("fragmEnt"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	hub := os.Getenv("DONGYUE_URL")
	other := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, c := range []struct {
		args string
		want int
	}{
		{"clips list", 0},
		{"clips list --alarm A1 --camera x --limit 5", 0},
		{"clips list --limit 0", exitUsage},
		{"clips list --camera ill", exitIll},
		{"clips list more", exitUsage},
		{"clips export C1", exitUsage},
		{"clips export C1 -o " + out, exitUsage},
		{"clips export C9 -o " + out + " --reason case", exitFailure},
		{"clips export C1 -o " + out + " --reason case", 0},
		{"clips export C1 -o " + out + " --reason case", exitUsage}, // it is there already
		{"clips verify", exitUsage},
		{"clips verify " + out, 0},
		{"clips verify --key " + key + " " + out, 0},
		{"clips verify --key hub " + out, 0},
		{"clips verify --json --key " + other + " " + out, exitFailure},
		{"clips verify --key nonsense " + out, exitUsage},
		{"clips verify " + bad, exitFailure},
		{"clips verify " + out + " " + bad, exitFailure},
		{"clips verify " + filepath.Join(dir, "none.zip"), exitUsage},
		{"clips verify " + hub + "/api/v1/clips/C1", 0},
		{"clips verify --key hub " + hub + "/api/v1/clips/C1/video.mp4", 0},
		{"clips verify " + hub + "/api/v1/clips/C2", exitFailure},
		{"clips verify " + hub + "/api/v1/cameras", exitUsage},
		{"clips verify https://elsewhere.example/api/v1/clips/C1", exitUsage},
	} {
		if got := run(t.Context(), strings.Fields(c.args)); got != c.want {
			t.Errorf("dongyue %s: exit code %d, want %d", c.args, got, c.want)
		}
	}
	for _, call := range *asked {
		if strings.Contains(call, "elsewhere") {
			t.Errorf("asked %s", call)
		}
	}
}
