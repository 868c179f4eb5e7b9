package app

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"dongyue/internal/cap"
	"dongyue/internal/config"
	"dongyue/internal/official"
	"dongyue/internal/simulator/incident"
)

// The demonstration has an authority of its own: a key that only this installation
// believes, whose messages come through the watched folder as real ones may.

const (
	demoSender = "met@demo.example"
	demoOrigin = "30.6598, 104.0633, 0" // the plan's upper left corner
)

// demoOfficial fills in where messages of the demonstration come in and what its plan
// lies on, unless that is configured.
func demoOfficial(c *config.Official, data string) {
	if c.Folder == "" {
		c.Folder = filepath.Join(data, "official", "in")
	}
	if c.Origin == "" {
		c.Origin = demoOrigin
	}
}

func (a *App) demoSigner() (*cap.Signer, *x509.Certificate, error) {
	pair, err := signingPair(filepath.Join(a.o.Config.Data.Dir, "official"), "demo", demoSender)
	if err != nil {
		return nil, nil, err
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, nil, fmt.Errorf("demo authority: %w", err)
	}
	s, err := cap.NewSigner(pair)
	return s, leaf, err
}

// believeDemo lets the hub believe the demonstration's authority beside those that are
// configured.
func (a *App) believeDemo(o *official.Options) error {
	_, leaf, err := a.demoSigner()
	if err != nil {
		return err
	}
	if o.Keys == nil {
		o.Keys = &cap.Keys{}
	}
	return o.Keys.Add(leaf)
}

// demoAuthority writes and signs warnings of the demonstration.
type demoAuthority struct {
	signer *cap.Signer
	folder string
	origin official.Origin
	area   [4]float64 // x, y, width, height on the plan, metres

	mu   sync.Mutex
	n    int
	sent map[string]cap.Reference // by identifier
}

// demoAuthority warns of what lies between the East and the West Court, and reaches into
// both.
func (a *App) demoAuthority() (*demoAuthority, error) {
	signer, _, err := a.demoSigner()
	if err != nil {
		return nil, err
	}
	c := a.o.Config.Official
	demoOfficial(&c, a.o.Config.Data.Dir)
	lat, lon, turn, _ := c.Place()
	return &demoAuthority{
		signer: signer, folder: c.Folder, origin: official.Origin{Lat: lat, Lon: lon, Turn: turn}, area: [4]float64{150, 200, 200, 100}, sent: map[string]cap.Reference{},
	}, nil
}

// Warn implements incident.Authority.
func (d *demoAuthority) Warn(_ context.Context, w incident.Warning) (string, error) {
	m := d.message(w.Headline, w.Text)
	if w.Exercise {
		m.Status = cap.StatusExercise
	}
	d.mu.Lock()
	for _, id := range w.About {
		m.References = append(m.References, d.sent[id])
	}
	d.sent[m.Identifier] = cap.Of(m)
	d.mu.Unlock()
	switch {
	case w.Over:
		m.MsgType = cap.Cancel
	case len(w.About) > 0:
		m.MsgType = cap.Update
	}
	b, err := d.signer.Sign(m)
	if err != nil {
		return "", err
	}
	return m.Identifier, d.put(m.Identifier, b)
}

// Forge implements incident.Authority.
func (d *demoAuthority) Forge(_ context.Context, headline, changed string) error {
	m := d.message(headline, "")
	b, err := d.signer.Sign(m)
	if err != nil {
		return err
	}
	return d.put(m.Identifier, []byte(strings.Replace(string(b), headline, changed, 1)))
}

func (d *demoAuthority) message(headline, text string) *cap.Message {
	now := time.Now().Truncate(time.Second)
	expires := now.Add(time.Hour)
	d.mu.Lock()
	d.n++
	id := fmt.Sprintf("demo-%d-%d", time.Now().UnixMilli(), d.n)
	d.mu.Unlock()
	return &cap.Message{
		Identifier: id, Sender: demoSender, Sent: now, Status: cap.StatusActual, MsgType: cap.Alert, Scope: "Public",
		Infos: []cap.Info{{
			Language: "zh-CN", Categories: []string{"Met"}, Event: "暴雨", ResponseTypes: []string{"Shelter"}, Urgency: "Immediate", Severity: "Extreme",
			Certainty: "Observed", Expires: &expires, SenderName: "县气象台（演示）", Headline: headline, Description: text, Instruction: "请留在室内，关好门窗，远离地下空间",
			Areas: []cap.Area{{Desc: "东苑、西苑", Polygons: []cap.Polygon{d.polygon()}}},
		}},
	}
}

// polygon is a triangle over the inner edges of two courts.
func (d *demoAuthority) polygon() cap.Polygon {
	x, y, w, h := d.area[0], d.area[1], d.area[2], d.area[3]
	p := cap.Polygon{d.origin.Earth(x, y), d.origin.Earth(x+w, y), d.origin.Earth(x+w/2, y+h)}
	return append(p, p[0])
}

// put lets a file appear in the folder wholly.
func (d *demoAuthority) put(name string, b []byte) error {
	if err := os.MkdirAll(d.folder, 0o700); err != nil {
		return fmt.Errorf("demo authority: %w", err)
	}
	part := filepath.Join(d.folder, name+".part")
	if err := os.WriteFile(part, b, 0o600); err != nil {
		return fmt.Errorf("demo authority: %w", err)
	}
	if err := os.Rename(part, filepath.Join(d.folder, name+".xml")); err != nil {
		return fmt.Errorf("demo authority: %w", err)
	}
	return nil
}
