package main

import (
	"fmt"
	"strings"

	"dongyue/internal/event"
	"dongyue/internal/simulator/community"
)

// dense is n devices of the East Court: those of the community, and as many more
// sensors in its staircases as are wanted, each plugged into its building's cabinet.
func dense(c *community.Community, n int) []community.Device {
	var ds []community.Device
	var stairs []community.Zone
	for _, d := range c.Devices {
		if event.Within(d.Zone, "east") && len(ds) < n {
			ds = append(ds, d)
		}
	}
	for _, z := range c.Zones {
		if z.Kind == community.Unit && event.Within(z.ID, "east") {
			stairs = append(stairs, z)
		}
	}
	for i := 0; len(ds) < n; i++ {
		z := stairs[i%len(stairs)]
		building := strings.Split(z.ID, "/")[1] // b01
		x, y := z.Shape.Middle()
		ds = append(ds, community.Device{
			ID: fmt.Sprintf("sensor-x%03d", i), Kind: event.Sensor, Name: fmt.Sprintf("%s%d层烟感", z.Name.ZH, i/len(stairs)+1), Zone: z.ID,
			X: x - 4, Y: y - 4 + float64(i/len(stairs)),
			Labels: map[string]string{"upstream": "switch-e" + building[1:]}, Secret: fmt.Sprintf("secret of the denser estate %03d", i),
		})
	}
	return ds
}

// writeSite describes the community's zones and the devices for site.file.
func writeSite(c *community.Community, ds []community.Device) error {
	var b strings.Builder
	b.WriteString("zones:\n")
	for _, z := range c.Zones {
		s := z.Shape
		fmt.Fprintf(&b, "  - {id: %s, kind: %s, name: {zh: %q, en: %q}, shape: [%g, %g, %g, %g]}\n", z.ID, z.Kind, z.Name.ZH, z.Name.EN, s.X, s.Y, s.W, s.H)
	}
	b.WriteString("devices:\n")
	for _, d := range ds {
		fmt.Fprintf(&b, "  - {id: %s, kind: %s, name: %q, zone: %s, x: %g, y: %g, secret: %q, labels: {", d.ID, d.Kind, d.Name, d.Zone, d.X, d.Y, d.Secret)
		sep := ""
		for _, k := range []string{"upstream", "feeder", "ports", "facing"} {
			if v, ok := d.Labels[k]; ok {
				fmt.Fprintf(&b, "%s%s: %q", sep, k, v)
				sep = ", "
			}
		}
		b.WriteString("}}\n")
	}
	_, err := fmt.Print(b.String()) //nolint:forbidigo // this is a command
	return err
}
