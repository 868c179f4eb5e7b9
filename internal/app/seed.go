package app

import (
	"context"
	"fmt"

	"dongyue/devices"
	"dongyue/internal/access"
	"dongyue/internal/identity"
	"dongyue/internal/simulator/community"
	"dongyue/internal/web"
)

// seed puts the simulated community into the registry. It may be done again: what
// exists is brought up to date, what people changed in rights stays.
func (a *App) seed(ctx context.Context, d *demo, rtsp string) error {
	c := &d.town
	for _, s := range []struct {
		what string
		f    func() error
	}{
		{"devices", func() error { return a.devices.Seed(ctx, site(c)) }},
		{"cameras", func() error { return a.streams.Seed(ctx, d.seeds(rtsp)) }},
		{"people", func() error { return a.access.Seed(ctx, people(c), nil) }},
		{"users", func() error { return a.identity.Seed(ctx, users(c, d.password)) }},
		{"lockdown plans", func() error { return a.seedPlans(ctx) }},
	} {
		if err := s.f(); err != nil {
			return fmt.Errorf("seed %s: %w", s.what, err)
		}
	}
	return nil
}

func site(c *community.Community) (s devices.Site) {
	for _, z := range c.Zones {
		s.Zones = append(s.Zones, devices.Zone{
			ID: z.ID, Kind: string(z.Kind), Name: z.Name, Parent: z.Parent, Shape: [4]float64{z.Shape.X, z.Shape.Y, z.Shape.W, z.Shape.H},
		})
	}
	for _, d := range c.Devices {
		s.Devices = append(s.Devices, devices.SeedDevice{
			Device: devices.Device{ID: d.ID, Kind: d.Kind, Name: d.Name, Zone: d.Zone, Labels: d.Labels, X: d.X, Y: d.Y}, Secret: d.Secret,
		})
	}
	return s
}

func people(c *community.Community) (ps []access.SeedPerson) {
	for _, p := range c.People {
		ps = append(ps, access.SeedPerson{ID: p.ID, Name: p.Name, Unit: p.Unit, Household: p.Flat, Cards: []string{p.Card}, Doors: []string{p.Door, p.Gate}})
	}
	return ps
}

func users(c *community.Community, password string) (us []identity.SeedUser) {
	for _, u := range c.Users {
		us = append(us, identity.SeedUser{Login: u.Login, Name: u.Name, Role: web.Role(u.Role), Password: password, Person: u.Person})
	}
	return us
}
