package app

import (
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dongyue/devices"
	"dongyue/devices/charger"
	"dongyue/devices/door"
	"dongyue/devices/lamp"
	"dongyue/internal/db"
	"dongyue/internal/web"
)

func registry(t *testing.T) *devices.Registry {
	t.Helper()
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	feed, err := web.NewFeed(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	r, err := devices.New(t.Context(), devices.Options{
		DB: d, Feed: feed, Publisher: &mqttPort{}, Log: slog.New(slog.DiscardHandler), ReadSite: readSite,
		Kinds: []devices.Kind{door.New(), lamp.New(), charger.New()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What one hub exports, another imports: zones, labels, places and names that
// would be something else in YAML or a spreadsheet.
func TestExportIsAnImport(t *testing.T) {
	one := registry(t)
	b, err := os.ReadFile("../../configs/site/example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if done, err := one.ImportSite(t.Context(), b); err != nil || done.Created != 3 || len(done.Secrets) != 3 || len(done.Errors) != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	if done, err := one.ImportSite(t.Context(), b); err != nil || done.Created != 0 || done.Updated != 3 || len(done.Secrets) != 0 {
		t.Fatalf("again: %+v, %v", done, err)
	}
	for i, name := range []string{"=1+1", "'=x", "@a", "yes", "null", "1e3", "a: b # c", "\"q\"", "- x", "'", "{zh: a}", "12, 栋"} {
		d := devices.Device{ID: "lamp-" + string(rune('a'+i)), Kind: "lamp", Name: name, Zone: "east", Labels: map[string]string{"a b": "=y: {", "on": "3"}, X: -1.5, Y: 1e-3}
		if _, err := one.Create(t.Context(), d, ""); err != nil {
			t.Fatal(err)
		}
	}
	sheet, err := one.ExportCSV(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.SplitSeq(string(sheet), "\n") {
		for cell := range strings.SplitSeq(l, ",") {
			if cell = strings.Trim(cell, `"`); cell != "" && strings.ContainsAny(cell[:1], "=+@") {
				t.Errorf("a formula in %s", l)
			}
		}
	}
	site, err := one.ExportYAML(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for what, load := range map[string]func(r *devices.Registry) (devices.Imported, error){
		"csv":  func(r *devices.Registry) (devices.Imported, error) { return r.Import(t.Context(), sheet) },
		"yaml": func(r *devices.Registry) (devices.Imported, error) { return r.ImportSite(t.Context(), site) },
	} {
		two := registry(t)
		done, err := load(two)
		if err != nil || len(done.Errors) > 0 || done.Created != 15 {
			t.Fatalf("%s: %+v, %v\n%s", what, done.Errors, err, site)
		}
		a, b := one.In(t.Context(), "", ""), two.In(t.Context(), "", "")
		for i := range a {
			if len(b[i].Labels) == 0 {
				b[i].Labels = a[i].Labels
			}
			if !reflect.DeepEqual(a[i], b[i]) {
				t.Errorf("%s: %+v\nwant %+v", what, b[i], a[i])
			}
		}
		if what == "yaml" && !reflect.DeepEqual(one.Zones(t.Context()), two.Zones(t.Context())) {
			t.Errorf("zones %+v", two.Zones(t.Context()))
		}
	}
}

func TestBadSiteIsNotTaken(t *testing.T) {
	r := registry(t)
	done, err := r.ImportSite(t.Context(), []byte("devices:\n  - {id: a, kind: door}\n  - {id: B, kind: door}\n"))
	if err != nil || len(done.Errors) != 1 || done.Errors[0].Line != 3 || len(r.In(t.Context(), "", "")) != 0 {
		t.Errorf("%+v, %v", done, err)
	}
}
