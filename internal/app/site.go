package app

import (
	"context"
	"errors"
	"fmt"
	"os"

	"dongyue/devices"
	"dongyue/internal/config"
	"dongyue/internal/event"
	"dongyue/streams"
)

// applySite registers what site.file describes. Doing it again changes nothing;
// what the file does not name stays.
func (a *App) applySite(ctx context.Context) error {
	file := a.o.Config.Site.File
	if file == "" {
		return nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return ConfigError{fmt.Errorf("site file: %w", err)}
	}
	s, err := config.LoadSite(file, b)
	if err != nil {
		return ConfigError{err}
	}
	if err := a.devices.Seed(ctx, siteOf(s)); err != nil {
		return ConfigError{fmt.Errorf("%s: %w", file, err)}
	}
	var cams []streams.Camera
	for _, c := range s.Cameras {
		cams = append(cams, streams.Camera{
			ID: c.ID, Name: c.Name, Zone: c.Zone, URL: streams.URL(c.URL.Reveal()), SubURL: streams.URL(c.SubURL.Reveal()),
			X: c.X, Y: c.Y, Heading: c.Heading, Fov: c.Fov,
			Transport: streams.Transport(c.Transport), AlwaysOn: c.AlwaysOn, RecordSound: c.RecordSound, Fingerprint: c.Fingerprint, ONVIF: streams.URL(c.ONVIF.Reveal()),
		})
	}
	if err := a.streams.Seed(ctx, cams); err != nil {
		return ConfigError{fmt.Errorf("%s: %w", file, err)}
	}
	return nil
}

func siteOf(s *config.SiteFile) (site devices.Site) {
	for _, z := range s.Zones {
		x := devices.Zone{ID: z.ID, Kind: z.Kind, Name: z.Name}
		copy(x.Shape[:], z.Shape)
		site.Zones = append(site.Zones, x)
	}
	for _, d := range s.Devices {
		site.Devices = append(site.Devices, devices.SeedDevice{
			Device: devices.Device{ID: d.ID, Kind: event.Kind(d.Kind), Name: d.Name, Zone: d.Zone, Labels: d.Labels, X: d.X, Y: d.Y}, Secret: d.Secret.Reveal(),
		})
	}
	return site
}

// readSite reads a site file that somebody imports. Cameras in it are for the
// hub's own site file: their addresses hold passwords that no program sends.
func readSite(b []byte) (devices.Site, []devices.RowError) {
	s, err := config.LoadSite("import", b)
	if ps, ok := errors.AsType[config.Problems](err); ok {
		var rows []devices.RowError
		for _, p := range ps {
			rows = append(rows, devices.RowError{Line: p.Line, ID: p.Path, Code: "yaml.form", Detail: p.String()})
		}
		return devices.Site{}, rows
	}
	if err != nil {
		return devices.Site{}, []devices.RowError{{Code: "yaml.form", Detail: err.Error()}}
	}
	return siteOf(s), nil
}

// setZone is the time zone of the community.
func (a *App) setZone(context.Context) (err error) {
	if a.zone, err = a.o.Config.Site.Location(); err != nil {
		return ConfigError{err}
	}
	return nil
}
