package streams

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestCheckURL(t *testing.T) {
	for _, c := range []struct {
		url  string
		says string // "" for a good one
	}{
		{"rtsp://10.0.0.5/Streaming/Channels/101", ""},
		{"rtsp://admin:p%40ss@10.0.0.5:554/h264?channel=1&subtype=0", ""},
		{"rtsps://cam.local:322/x", ""},
		{"rtsp://[fe80::1]:554/x", ""},
		{"http://10.0.0.5/x", "rtsp://"},
		{"file:///etc/passwd", "rtsp://"},
		{"10.0.0.5:554/x", "percent-encoded"},
		{"rtsp:///x", "names no host"},
		{"rtsp://h:0/x", "port"},
		{"rtsp://h:99999/x", "port"},
		{"rtsp://u:secret#1@h/x", "percent-encoded"},
		{"rtsp://h/a b", "space"},
		{"", "rtsp://"},
		{"rtsp://h/" + strings.Repeat("a", maxURL), "longer"},
	} {
		err := CheckURL(URL(c.url))
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.url, err, c.says)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the password is in %v", err)
		}
	}
}

func TestAddressIsNeverShown(t *testing.T) {
	c := Camera{ID: "cam-1", URL: "rtsp://admin:hunter2@10.0.0.5/x", SubURL: "rtsp://admin:hunter2@10.0.0.5/y"}
	j, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	one, err := json.Marshal(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("camera", "url", c.URL, "camera", c)
	for _, text := range []string{
		string(j), string(one), log.String(), fmt.Sprint(c.URL), fmt.Sprintf("%v %+v %#v %s %q", c, c, c, c.URL, c.URL),
	} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, "10.0.0.5") {
			t.Errorf("the address is in %s", text)
		}
	}
}

func TestScrub(t *testing.T) {
	u := URL("rtsp://admin:p%40ss%2F1@10.0.0.5:8554/live?token=abc")
	for _, text := range []string{
		"dial tcp 10.0.0.5:8554: connection refused", "bad URL rtsp://admin:p%40ss%2F1@10.0.0.5:8554/live?token=abc",
		"user admin with p@ss/1", "GET /live?token=abc", "p%40ss%2F1",
	} {
		got := scrub(text, u)
		for _, secret := range []string{"admin", "p@ss", "p%40ss", "10.0.0.5", "abc"} {
			if strings.Contains(got, secret) {
				t.Errorf("%q is in %q", secret, got)
			}
		}
	}
	if got := scrub("timeout", u); got != "timeout" {
		t.Errorf("got %q", got)
	}
}
