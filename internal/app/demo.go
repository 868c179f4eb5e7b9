package app

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"dongyue/internal/simulator/agent"
	"dongyue/internal/simulator/camera"
	"dongyue/internal/simulator/community"
	"dongyue/internal/simulator/incident"
)

// Demo asks for the simulated community.
type Demo struct {
	Quiet bool // no scripted incidents, nobody comes and goes
}

// demo is the simulated community beside the hub: it reaches the hub through the
// same ports as real devices and cameras do.
type demo struct {
	Demo
	town     community.Community
	password string
	cameras  *camera.Server
	onvif    *camera.ONVIF
	fleet    *agent.Fleet
	script   *incident.Script
	online   chan int
}

const (
	// demoSeed decides names and places of the simulated community.
	demoSeed = 1
	// onlineWithin is how long the start block waits for the devices.
	onlineWithin = 30 * time.Second
)

func (a *App) buildDemo(context.Context) (err error) {
	if a.o.Demo == nil {
		return nil
	}
	mqtt := a.broker.Addr()
	if mqtt == nil || !a.o.Config.RTSP.Addr.On() {
		return ConfigError{errors.New("the demonstration needs --mqtt and --rtsp: neither may be off")}
	}
	d := &demo{Demo: *a.o.Demo, password: a.demoPassword(), online: make(chan int, 1)}
	if d.town, err = community.Dongyue(demoSeed, a.derive("demo devices")); err != nil {
		return err
	}
	scenes := map[int]string{
		community.SceneGate: "east-gate", community.SceneShed: "charger-shed", community.SceneDoor: "unit-door",
		community.SceneRoad: "lamp-path", community.ScenePlaza: "plaza", community.SceneCarPark: "car-park",
	}
	var cams []camera.Camera
	for _, c := range d.town.Cameras {
		cams = append(cams, camera.Camera{ID: c.ID, Scene: scenes[c.Scene], Look: d.look(c.ID)})
	}
	cams = append(cams, camera.Camera{ID: spareCamera, Scene: scenes[community.ScenePlaza], Look: d.look(spareCamera)})
	if d.cameras, err = camera.New(camera.Options{Addr: string(a.o.Config.RTSP.Addr), Cameras: cams, Log: a.log}); err != nil {
		return err
	}
	if err := d.buildONVIF(string(a.o.Config.RTSP.Addr), a.log); err != nil {
		return err
	}
	d.fleet, err = agent.New(agent.Options{
		Broker: mqtt.String(), Devices: d.town.Devices, People: d.town.People, Quiet: d.Quiet, Log: a.log, Seed: demoSeed, Progress: d.progress,
		ListKey: a.access.ListKey(), PanelKey: a.panels.Key(), Plugged: []agent.Plugged{{Charger: community.ShedB, Socket: "7", User: d.town.People[0].ID}}, // the resident of the demonstration
	})
	if err != nil {
		return err
	}
	authority, err := a.demoAuthority()
	if err != nil {
		return err
	}
	d.script, err = incident.New(incident.Options{Fleet: d.fleet, Cameras: d.cameras, Lenses: lenses{d}, Authority: authority, Hosts: hosts{a}, Views: d.town.Cameras, Log: a.log, Seed: demoSeed})
	a.demo = d
	return err
}

// progress keeps the newest number only; it must not block the fleet.
func (d *demo) progress(online, _ int) {
	for {
		select {
		case d.online <- online:
			return
		case <-d.online:
		}
	}
}

// run brings the community up, prints the start block, and lets it live until ctx
// ends.
func (d *demo) run(ctx context.Context, a *App) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(named("simulated cameras", func() error { return d.cameras.Run(ctx) }))
	select {
	case <-ctx.Done():
		return g.Wait()
	case <-d.cameras.Ready():
	}
	g.Go(named("simulated onvif", func() error { return d.onvif.Run(ctx) }))
	select {
	case <-ctx.Done():
		return g.Wait()
	case <-d.onvif.Ready():
	}
	fmt.Fprintln(a.o.Progress, "▸ registering the simulated community 东岳花苑")
	if err := a.seed(ctx, d, d.cameras.Addr().String()); err != nil {
		return errors.Join(err, g.Wait())
	}
	g.Go(named("simulated devices", func() error { return d.fleet.Run(ctx) }))
	g.Go(named("incidents", func() error { return d.script.Run(ctx) }))
	d.await(ctx, a)
	if err := a.announce(d.accounts()); err != nil {
		return err
	}
	if !d.Quiet {
		g.Go(named("scripted incidents", func() error { return d.script.Auto(ctx) }))
	}
	return g.Wait()
}

// await shows the devices coming online, for as long as a newcomer would look.
func (d *demo) await(ctx context.Context, a *App) {
	limit := time.NewTimer(onlineWithin)
	defer limit.Stop()
	total := len(d.town.Devices)
	every := sync.OnceFunc(func() { fmt.Fprintf(a.o.Progress, "▸ %d devices are connecting over MQTT\n", total) })
	for {
		select {
		case <-ctx.Done():
			return
		case <-limit.C:
			return
		case n := <-d.online:
			every()
			if n >= total {
				fmt.Fprintf(a.o.Progress, "▸ all %d devices are online\n", n)
				return
			}
		}
	}
}

func (d *demo) accounts() []account {
	return []account{
		{"/dispatch", "operator", d.password, "调度员 the desk"},
		{"/dispatch", "supervisor", d.password, "值班长 the shift's supervisor"},
		{"/crew", "crew", d.password, "维修 maintenance, on a phone"},
		{"/home", "resident", d.password, "居民 a resident, on a phone"},
		{"/dispatch", "admin", d.password, "管理员 everything"},
	}
}

// demoPassword is that of all accounts of the demonstration: the administrator's,
// where one is configured, or one that belongs to this installation.
func (a *App) demoPassword() string {
	if p, err := a.o.Config.Identity.FirstPassword(); err == nil && p != "" {
		return p.Reveal()
	}
	s := strings.ToLower(base32.StdEncoding.EncodeToString(a.derive("demo password")))
	return s[:4] + "-" + s[4:8] + "-" + s[8:12]
}

// derive makes a secret for one purpose of the installation's key.
func (a *App) derive(purpose string) []byte {
	m := hmac.New(sha256.New, a.key)
	m.Write([]byte(purpose))
	return m.Sum(nil)
}
