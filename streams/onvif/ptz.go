package onvif

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Vector is a direction and speed, or a place: each from -1 to 1, zoom as a place
// from 0 to 1 (PTZ, 5.7, generic spaces).
type Vector struct {
	Pan  float64 `json:"pan"`
	Tilt float64 `json:"tilt"`
	Zoom float64 `json:"zoom"`
}

func (v Vector) valid(lowZoom float64) bool {
	in := func(x, low float64) bool { return x >= low && x <= 1 && !math.IsNaN(x) }
	return in(v.Pan, -1) && in(v.Tilt, -1) && in(v.Zoom, lowZoom)
}

func (v Vector) xml() string {
	return fmt.Sprintf(`<tt:PanTilt x="%s" y="%s"/><tt:Zoom x="%s"/>`, short(v.Pan), short(v.Tilt), short(v.Zoom))
}

func short(f float64) string { return strconv.FormatFloat(f, 'f', 3, 64) }

// Preset is a place that the camera remembers.
type Preset struct {
	Token string `json:"token"`
	Name  string `json:"name"`
}

// maxPresets is what the standard's largest cameras have.
const maxPresets = 500

// Move turns the camera until it is stopped, or by itself after a while: it must
// not turn for ever when the hub is gone.
func (c *Client) Move(ctx context.Context, profile string, v Vector, most time.Duration) error {
	_, err := c.ask(ctx, nsPTZ, "ContinuousMove", "<ProfileToken>"+escape(profile)+"</ProfileToken><Velocity>"+v.xml()+"</Velocity>"+
		fmt.Sprintf("<Timeout>PT%dS</Timeout>", int(math.Ceil(most.Seconds()))))
	return err
}

// Stop ends all movement.
func (c *Client) Stop(ctx context.Context, profile string) error {
	_, err := c.ask(ctx, nsPTZ, "Stop", "<ProfileToken>"+escape(profile)+"</ProfileToken><PanTilt>true</PanTilt><Zoom>true</Zoom>")
	return err
}

// MoveTo turns the camera to a place.
func (c *Client) MoveTo(ctx context.Context, profile string, v Vector) error {
	_, err := c.ask(ctx, nsPTZ, "AbsoluteMove", "<ProfileToken>"+escape(profile)+"</ProfileToken><Position>"+v.xml()+"</Position>")
	return err
}

// Goto turns the camera to a preset.
func (c *Client) Goto(ctx context.Context, profile, preset string) error {
	_, err := c.ask(ctx, nsPTZ, "GotoPreset", "<ProfileToken>"+escape(profile)+"</ProfileToken><PresetToken>"+escape(preset)+"</PresetToken>")
	return err
}

// Presets lists the places that the camera remembers.
func (c *Client) Presets(ctx context.Context, profile string) ([]Preset, error) {
	n, err := c.ask(ctx, nsPTZ, "GetPresets", "<ProfileToken>"+escape(profile)+"</ProfileToken>")
	if err != nil {
		return nil, err
	}
	list := []Preset{}
	for _, p := range n.all("Preset") {
		if x := (Preset{p.attr("token"), brief(p.say("Name"))}); x.Token != "" && len(list) < maxPresets {
			if x.Name == "" {
				x.Name = x.Token
			}
			list = append(list, x)
		}
	}
	return list, nil
}

// Position is where the camera looks; ok is false where it does not tell.
func (c *Client) Position(ctx context.Context, profile string) (v Vector, ok bool, err error) {
	n, err := c.ask(ctx, nsPTZ, "GetStatus", "<ProfileToken>"+escape(profile)+"</ProfileToken>")
	if err != nil {
		return v, false, err
	}
	at := n.at("PTZStatus", "Position")
	pan, err1 := strconv.ParseFloat(at.at("PanTilt").attr("x"), 64)
	tilt, err2 := strconv.ParseFloat(at.at("PanTilt").attr("y"), 64)
	if err1 != nil || err2 != nil {
		return v, false, nil //nolint:nilerr // an optional part
	}
	zoom, _ := strconv.ParseFloat(at.at("Zoom").attr("x"), 64)
	v = Vector{pan, tilt, zoom}
	return v, v.valid(-1), nil
}
