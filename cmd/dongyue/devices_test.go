package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeHub answers as a hub does, and remembers what it was asked.
func fakeHub(t *testing.T, answers map[string]string) (asked *[]string) {
	t.Helper()
	asked = &[]string{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := r.Method + " " + strings.TrimPrefix(r.URL.RequestURI(), "/api/v1")
		*asked = append(*asked, call)
		a, ok := answers[call]
		switch {
		case r.Header.Get("Authorization") != "Bearer good":
			w.WriteHeader(http.StatusUnauthorized)
		case !ok:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"code":"device.unknown","detail":"no such device"}`)
		case a == "ill":
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			fmt.Fprint(w, a)
		}
	}))
	t.Cleanup(srv.Close)
	t.Setenv("DONGYUE_URL", srv.URL)
	t.Setenv("DONGYUE_TOKEN", "good")
	return asked
}

func TestDevicesExitCodes(t *testing.T) {
	fakeHub(t, map[string]string{
		"GET /devices?limit=1000":                       `{"items":[{"id":"door-1"}],"next":"door-1"}`,
		"GET /devices?cursor=door-1&limit=1000":         `{"items":[],"next":""}`,
		"GET /devices?kind=lamp&limit=1000":             "ill",
		"GET /devices?kind=door&limit=1000":             "<html>",
		"POST /devices/door-1/commands":                 `{"id":"c1","status":"sent"}`,
		"GET /devices/door-1/commands/c1":               `{"id":"c1","status":"failed","error":"bolt stuck"}`,
		"POST /devices/import":                          `{"created":1,"errors":[{"line":2,"id":"x","detail":"bad"}]}`,
		"GET /devices/export?format=csv":                "id\n",
		"GET /stream?topics=device%2Ccommand%2Ctwin":    "event: device\ndata: {\"id\":\"door-1\"}\n\n",
		"POST /devices/door-1/certificate":              `{"certificate":"C","key":"K","ca":"A"}`,
		"GET /devices?label=feeder%3D3&limit=1000&q=ab": `{"items":[]}`,
	})
	dir := t.TempDir()
	file := filepath.Join(dir, "a.csv")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		want int
	}{
		{"list", 0},
		{"list --label feeder=3 --q ab --json", 0},
		{"list --kind lamp", exitIll},
		{"list --kind door", exitIll}, // something else listens there
		{"list --url http://127.0.0.1:1", exitIll},
		{"list --url nonsense", exitUsage},
		{"list --token bad", exitFailure},
		{"list --colour", exitUsage},
		{"list more", exitUsage},
		{"send door-1", exitUsage},
		{"send door-1 lock [1]", exitUsage},
		{"send door-1 lock", 0},
		{"send door-1 lock --wait", exitFailure},
		{"send door-9 lock", exitFailure},
		{"import " + file, exitConfig},
		{"import /nowhere.csv", exitUsage},
		{"export", 0},
		{"export --format xls", exitUsage},
		{"enrol ../door-1", exitUsage},
		{"enrol door-1 --out " + filepath.Join(dir, "certs"), 0},
		{"watch", exitIll}, // the hub has gone
	} {
		if got := run(t.Context(), append([]string{"devices"}, strings.Fields(c.args)...)); got != c.want {
			t.Errorf("devices %s: exit code %d, want %d", c.args, got, c.want)
		}
	}
	i, err := os.Stat(filepath.Join(dir, "certs", "door-1.key"))
	if err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("key: %v, %v", i, err)
	}
}

func TestDevicesNeedsAToken(t *testing.T) {
	asked := fakeHub(t, nil)
	t.Setenv("DONGYUE_TOKEN", "")
	if got := run(t.Context(), []string{"devices", "list"}); got != exitUsage || len(*asked) != 0 {
		t.Errorf("exit code %d, asked %v", got, *asked)
	}
}
