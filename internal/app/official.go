package app

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dongyue/devices"
	"dongyue/internal/broadcast"
	"dongyue/internal/cap"
	"dongyue/internal/event"
	"dongyue/internal/official"
)

// What official messages need of the rest of the house.

func (a *App) buildOfficial(ctx context.Context) error {
	if a.panels == nil {
		return nil // what came before has failed, and says so
	}
	c := a.o.Config.Official
	if a.o.Demo != nil {
		demoOfficial(&c, a.o.Config.Data.Dir)
	}
	o := official.Options{
		DB: a.db, Feed: a.feed, Air: officialAir{a.broadcast}, Signs: officialSigns{a.panels}, Homes: a.access, Zones: officialZones{a.devices}, Log: a.log, Sender: c.Sender,
		Folder: c.Folder, Upstream: c.Upstream, Geocodes: map[string]string{}, Alarm: a.notBelieved,
	}
	for _, g := range c.Geocodes {
		code, zone, _ := strings.Cut(g, "=")
		o.Geocodes[code] = zone
	}
	if lat, lon, turn, ok := c.Place(); ok {
		o.Origin = &official.Origin{Lat: lat, Lon: lon, Turn: turn}
	}
	var err error
	if c.Keys != "" {
		if o.Keys, err = cap.LoadKeys(c.Keys); err != nil {
			return ConfigError{fmt.Errorf("official.keys: %w", err)}
		}
	}
	if a.o.Demo != nil {
		if err := a.believeDemo(&o); err != nil {
			return err
		}
	}
	if o.Keys != nil || c.Upstream != "" {
		pair, err := signingPair(filepath.Join(a.o.Config.Data.Dir, "official"), "hub", c.Sender)
		if err != nil {
			return err
		}
		if o.Signer, err = cap.NewSigner(pair); err != nil {
			return err
		}
	}
	a.official, err = official.New(ctx, o)
	return err
}

// officialYears is how long the hub's own certificate is good; who gets its messages has
// it by hand.
const officialYears = 20

// signingPair is the key that somebody signs messages with, and its certificate, made at
// the first start.
func signingPair(dir, file, name string) (tls.Certificate, error) {
	cert, key := filepath.Join(dir, file+".pem"), filepath.Join(dir, file+".key")
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return pair, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return pair, fmt.Errorf("official key: %w", err)
	}
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return pair, fmt.Errorf("official key: %w", err)
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().AddDate(officialYears, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &k.PublicKey, k)
	if err != nil {
		return pair, fmt.Errorf("official key: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return pair, fmt.Errorf("official key: %w", err)
	}
	for _, f := range []struct {
		path string
		b    *pem.Block
		mode os.FileMode
	}{{key, &pem.Block{Type: "PRIVATE KEY", Bytes: secret}, 0o600}, {cert, &pem.Block{Type: "CERTIFICATE", Bytes: der}, 0o644}} {
		if err := os.WriteFile(f.path, pem.EncodeToMemory(f.b), f.mode); err != nil {
			return pair, fmt.Errorf("official key: %w", err)
		}
	}
	return tls.LoadX509KeyPair(cert, key)
}

// notBelieved raises the alarm that somebody tried to speak in the authorities' name.
func (a *App) notBelieved(ctx context.Context, reason, id string) {
	s := hubAlarm("security.official_"+reason, id, event.Critical)
	if reason == "replay" || reason == "sent" {
		s.Priority = event.High
	}
	s.Latch = true
	s.Title = event.Text{
		ZH: "伪造或无效的官方预警被拒收（" + map[string]string{
			"unsigned": "未签名", "signature": "签名无效", "unknown_key": "未知密钥", "sender": "冒用发布单位", "replay": "重放", "sent": "时间不符",
		}[reason] + "），未播出",
		EN: "an official message was not believed (" + strings.ReplaceAll(reason, "_", " ") + "); nothing was heard",
	}
	a.raise(ctx, s)
}

// officialAir makes sound of official messages.
type officialAir struct{ b *broadcast.Broadcasts }

const officialActor = "official"

func (x officialAir) Speak(ctx context.Context, c official.Call) (string, error) {
	q := broadcast.Request{
		Zones: c.Zones, Text: c.Text, Priority: broadcast.Notice, Mode: broadcast.Actual, Repeat: 1, Replaces: c.Replaces,
		Key: c.Key, Actor: officialActor, Ref: c.Ref,
	}
	if c.Exercise {
		q.Mode = broadcast.Exercise
	}
	if c.Grave {
		full := 100.0
		q.Priority, q.Repeat, q.VolumePct = broadcast.Official, 3, &full
	}
	bc, err := x.b.Send(ctx, q)
	return bc.ID, err
}

func (x officialAir) Silence(ctx context.Context, id string) error {
	_, err := x.b.Stop(ctx, id, officialActor)
	return err
}

type officialZones struct{ devices *devices.Registry }

func (x officialZones) Zones(ctx context.Context) (out []official.Zone) {
	for _, z := range x.devices.Zones(ctx) {
		out = append(out, official.Zone{ID: z.ID, Kind: z.Kind, Shape: z.Shape})
	}
	return out
}

// panelsWithin is how long the result of an official message waits for the panels, from
// its broadcast on; they follow their orders in a second or two.
const panelsWithin = 8 * time.Second

// settled tells the authorities what became of their message, loudspeaker by loudspeaker.
func (a *App) settled(ctx context.Context, b broadcast.Broadcast) bool {
	if b.Actor != officialActor {
		return true
	}
	began, err := time.Parse(time.RFC3339, b.At)
	if shown, all, failed := a.panels.Shown(ctx, b.Ref); failed == nil && err == nil && shown < all && time.Since(began) < panelsWithin {
		return false
	}
	h := official.Heard{Ref: b.Ref, Targets: b.Targets}
	for _, n := range b.Nodes {
		if n.BeganAt != "" {
			h.Playing++
		}
		s := n.Device + "=" + string(n.State)
		if n.Error != "" {
			s += "(" + strings.ReplaceAll(n.Error, " ", "_") + ")"
		}
		h.Nodes = append(h.Nodes, s)
	}
	if err = a.official.Settled(ctx, h); err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "result of an official message not stored", "broadcast_id", b.ID, "err", err)
	}
	return err == nil
}
