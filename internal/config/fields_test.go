package config

import (
	"bytes"
	"flag"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write configs/dongyue.schema.json anew")

// Every setting says what it means and what a change of it costs; two never
// share a name.
func TestEveryFieldIsClassed(t *testing.T) {
	seen := map[string]string{}
	for _, f := range Fields() {
		if !slices.Contains([]Reload{Live, Component, Restart}, f.Reload) {
			t.Errorf("%s has the reload class %q", f.Path, f.Reload)
		}
		if f.Doc == "" || f.Path == "" {
			t.Errorf("%s has no meaning", f.Path)
		}
		for _, name := range []string{f.Env, f.Short} {
			if other, ok := seen[name]; ok && name != "" {
				t.Errorf("%s and %s share %s", f.Path, other, name)
			}
			seen[name] = f.Path
		}
		switch f.Value(Default()).(type) {
		case string, Addr, Secret, bool, int, float64, time.Duration, []string:
		default:
			t.Errorf("%s has a type that the decoder does not know", f.Path)
		}
	}
}

func TestShortNames(t *testing.T) {
	got := map[string]string{}
	for _, f := range Fields() {
		if f.Short != "" {
			got[f.Short] = f.Path
		}
	}
	want := map[string]string{
		"DONGYUE_DATA": "data.dir", "DONGYUE_HTTP": "http.addr", "DONGYUE_MQTT": "mqtt.addr", "DONGYUE_MQTTS": "mqtt.tls_addr",
		"DONGYUE_WEBRTC": "webrtc.addr", "DONGYUE_RTSP": "rtsp.addr", "DONGYUE_ADMIN_PASSWORD": "identity.admin_password",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDiff(t *testing.T) {
	a, b := Default(), Default()
	if d := Diff(a, b); d != nil {
		t.Fatalf("got %v", d)
	}
	b.Data.Dir, b.Journal.Retention, b.Series.Influx.Token, b.WebRTC.Hosts = "x", 36*time.Hour, "s", []string{"a", "b"}
	want := []Change{
		{"data.dir", Restart, "data", "x"}, {"webrtc.hosts", Component, "[]", "[a, b]"},
		{"journal.retention", Live, "30d", "1d12h"}, {"series.influx.token", Component, "", redacted},
	}
	if diff := cmp.Diff(want, Diff(a, b)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSchemaIsCurrent(t *testing.T) {
	want, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	const file = "../../configs/dongyue.schema.json"
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Error("configs/dongyue.schema.json is not what the struct says; run go generate ./internal/config")
	}
}

func TestDurationsRoundTrip(t *testing.T) {
	for _, s := range []string{"0s", "500ms", "30s", "1h30m", "30d", "1d2h3m4s5ms"} {
		d, what, _ := parseDuration(s)
		if what != "" || FormatDuration(d) != s {
			t.Errorf("%s: %v %s", s, d, what)
		}
	}
}

func TestNearest(t *testing.T) {
	words := []string{"http", "mqtt", "webrtc", "retention"}
	for in, want := range map[string]string{"htpp": "http", "mqt": "mqtt", "retetnion": "retention", "web": "", "x": "", "": ""} {
		if got := nearest(in, words); got != want {
			t.Errorf("nearest(%q) = %q", in, got)
		}
	}
	if !reflect.DeepEqual([]int{distance("ab", "ba"), distance("", "abc"), distance("kitten", "sitting")}, []int{1, 3, 3}) {
		t.Error("distance is wrong")
	}
}
