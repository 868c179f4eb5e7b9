package devices_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"dongyue/devices"
)

func (h *hub) signsIn(id, secret string) bool {
	_, err := h.Authenticate(h.t.Context(), id, []byte(secret))
	return err == nil
}

func TestRotationOverlaps(t *testing.T) {
	inRun(t, func(t *testing.T, h *hub) {
		if !h.signsIn("door-1", "secret-of-door-1") {
			t.Fatal("not let in")
		}
		status, got := h.ask("POST", "/devices/door-1/secret", `{"grace_s":60}`)
		next := fmt.Sprint(got["secret"])
		if status != 200 || len(h.dropped) != 0 || !h.signsIn("door-1", next) || !h.signsIn("door-1", "secret-of-door-1") {
			t.Fatalf("%d %v, dropped %v", status, got, h.dropped)
		}
		time.Sleep(61 * time.Second) // the last login was with the old one
		synctest.Wait()
		if h.signsIn("door-1", "secret-of-door-1") || len(h.dropped) != 1 {
			t.Errorf("after the overlap: dropped %v", h.dropped)
		}
		if !h.signsIn("door-1", next) {
			t.Error("the new one is not good")
		}
		// The device has changed over: its session goes on.
		_, got = h.ask("POST", "/devices/door-1/secret", `{"grace_s":60}`)
		h.signsIn("door-1", fmt.Sprint(got["secret"]))
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if len(h.dropped) != 1 {
			t.Errorf("dropped %v", h.dropped)
		}
		if status, _ := h.ask("POST", "/devices/door-1/secret", `{"grace_s":86401}`); status != 422 {
			t.Errorf("more than a day: %d", status)
		}
	})
}

func TestOverlapAfterARestart(t *testing.T) {
	path := t.TempDir() + "/hub.db"
	h := open(t, path)
	register(t, h)
	next, err := h.Rotate(t.Context(), "door-1", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	again := open(t, path)
	if !again.signsIn("door-1", "s") || !again.signsIn("door-1", next) {
		t.Error("the overlap is forgotten")
	}
	if _, err := again.Rotate(t.Context(), "door-1", 0); err != nil {
		t.Fatal(err)
	}
	if h := open(t, path); h.signsIn("door-1", "s") || h.signsIn("door-1", next) {
		t.Error("an old secret is good")
	}
}

// A login that is under way while its secret ends must not survive it.
func TestLoginMeetsTheEndOfItsSecret(t *testing.T) {
	inRun(t, func(t *testing.T, h *hub) {
		h.signsIn("door-1", "secret-of-door-1")
		if _, err := h.Rotate(t.Context(), "door-1", 0); err != nil {
			t.Fatal(err)
		}
		h.wire.set("door-1", true)
		h.Connected("door-1") // the session comes to life only now
		synctest.Wait()
		if len(h.dropped) != 2 {
			t.Errorf("dropped %v", h.dropped)
		}
	})
}

func TestDisableAndDelete(t *testing.T) {
	h := fresh(t)
	if status, got := h.ask("POST", "/devices/door-1/disable", ``); status != 200 || got["disabled"] != true || h.signsIn("door-1", "secret-of-door-1") || len(h.dropped) != 1 {
		t.Errorf("%d %v, dropped %v", status, got, h.dropped)
	}
	if status, got := h.ask("POST", "/devices/door-1/enable", ``); status != 200 || got["disabled"] != nil || !h.signsIn("door-1", "secret-of-door-1") {
		t.Errorf("%d %v", status, got)
	}
	if err := h.Delete(t.Context(), "door-1"); err != nil {
		t.Fatal(err)
	}
	if status, _ := h.ask("GET", "/devices/door-1", ``); status != 404 || h.signsIn("door-1", "secret-of-door-1") || len(h.dropped) != 2 {
		t.Errorf("%d, dropped %v", status, h.dropped)
	}
	all := h.entries("device")
	if last := all[len(all)-1]; last["id"] != "door-1" || last["deleted"] != true {
		t.Errorf("shown %v", last)
	}
	if err := h.Delete(t.Context(), "door-1"); !errors.Is(err, devices.ErrNoDevice) {
		t.Errorf("twice: %v", err)
	}
	register(t, h) // the id may be used again
	if !h.signsIn("door-1", "s") {
		t.Error("not let in")
	}
}

// stamp issues certificates that only have a serial and a name.
type stamp struct{ n int64 }

func (s *stamp) Issue(_, uri string, request []byte, life time.Duration) (devices.Issued, error) {
	if string(request) == "bad" {
		return devices.Issued{}, errors.New("not PKCS #10")
	}
	s.n++
	return devices.Issued{Serial: fmt.Sprintf("%x", s.n), Chain: []byte(uri), NotAfter: time.Now().Add(life)}, nil
}
func (s *stamp) Made(c *x509.Certificate) bool { return c.Issuer.CommonName == "" }
func (s *stamp) Authority() []byte             { return []byte("ca") }

func card(id string, serial int64) *x509.Certificate {
	return &x509.Certificate{SerialNumber: big.NewInt(serial), URIs: []*url.URL{{Scheme: "dy", Opaque: "device:" + id}}}
}

func TestCertificates(t *testing.T) {
	path := t.TempDir() + "/hub.db"
	h := open(t, path)
	start := func() {
		t.Helper()
		var err error
		h.Registry, err = devices.New(t.Context(), devices.Options{
			DB: h.db, Feed: h.feed, Publisher: h.wire, Kinds: kinds(), Log: slog.New(slog.DiscardHandler), Issuer: &stamp{n: int64(len(h.dropped)) * 100},
			Drop: func(id string) { h.dropped = append(h.dropped, id) },
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	start()
	for _, id := range []string{"door-1", "door-2"} {
		if _, err := h.Create(t.Context(), devices.Device{ID: id, Kind: "door"}, "s"); err != nil {
			t.Fatal(err)
		}
	}
	in := func(id string, c *x509.Certificate) bool {
		_, err := h.AuthenticateCertificate(t.Context(), id, c)
		return err == nil
	}
	status, got := h.ask("POST", "/devices/door-1/certificate", `{"days":30}`)
	if status != 201 || got["certificate"] != "dy:device:door-1" || got["ca"] != "ca" || got["serial"] != "1" {
		t.Fatalf("%d %v", status, got)
	}
	if !in("door-1", card("door-1", 1)) || in("door-2", card("door-1", 1)) || in("door-2", card("door-2", 1)) || in("door-1", card("door-1", 2)) {
		t.Error("a certificate lets the wrong one in")
	}
	foreign := card("door-1", 77)
	foreign.Issuer.CommonName = "another authority"
	if !in("door-1", foreign) {
		t.Error("another authority's is judged by our list")
	}
	for path, want := range map[string]int{"/devices/door-9/certificate": 404, "/devices/door-1/certificate": 422} {
		if status, got := h.ask("POST", path, `{"csr":"bad"}`); status != want {
			t.Errorf("%s: %d %v", path, status, got)
		}
	}
	if err := h.Revoke(t.Context(), "door-2", "1"); !errors.Is(err, devices.ErrNoCertificate) {
		t.Errorf("another's certificate: %v", err)
	}
	if err := h.Revoke(t.Context(), "door-1", "1"); err != nil || len(h.dropped) != 1 || in("door-1", card("door-1", 1)) {
		t.Errorf("revoked: %v, dropped %v", err, h.dropped)
	}
	start()
	if in("door-1", card("door-1", 1)) {
		t.Error("good again after a restart")
	}
	_, got = h.ask("GET", "/devices/door-1/certificates", ``)
	if items, _ := got["items"].([]any); len(items) != 1 || items[0].(map[string]any)["revoked_at"] == nil {
		t.Errorf("listed %v", got)
	}
	h.ask("POST", "/devices/door-2/certificate", ``)
	if _, err := h.Disable(t.Context(), "door-2", true); err != nil || in("door-2", card("door-2", 101)) {
		t.Errorf("disabled: %v", err)
	}
	if err := h.Delete(t.Context(), "door-2"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Create(t.Context(), devices.Device{ID: "door-2", Kind: "door"}, "s"); err != nil || in("door-2", card("door-2", 101)) {
		t.Errorf("a deleted device's certificate is good for its successor: %v", err)
	}
	plain := fresh(t)
	if status, _ := plain.ask("POST", "/devices/door-1/certificate", ``); status != 409 {
		t.Errorf("no authority: %d", status)
	}
}
