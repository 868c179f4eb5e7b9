package app

import (
	"bytes"
	"io"
	"log/slog"
	"testing"

	"dongyue/internal/config"
)

// The start block of the demonstration names one password for all accounts, also
// for the administrator, and also when nobody configured one.
func TestAdministratorOfTheDemonstrationHasThePasswordThatIsPrinted(t *testing.T) {
	cfg := config.Default()
	cfg.Data.Dir = t.TempDir()
	cfg.HTTP.Addr, cfg.MQTT.Addr, cfg.RTSP.Addr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.MQTT.TLSAddr, cfg.WebRTC.Addr = config.Off, config.Off
	a, err := New(t.Context(), Options{
		Config: cfg, Version: "test", Log: slog.New(slog.DiscardHandler), Out: &bytes.Buffer{}, Progress: io.Discard, Demo: &Demo{Quiet: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	for _, x := range a.demo.accounts() {
		if x.login != "admin" {
			continue
		}
		if _, _, _, err := a.identity.SignIn(t.Context(), x.login, x.password, "192.0.2.7:1"); err != nil {
			t.Fatalf("the password that is printed: %v", err)
		}
		return
	}
	t.Fatal("no administrator in the start block")
}
