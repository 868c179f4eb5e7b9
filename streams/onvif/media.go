package onvif

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dongyue/streams"
)

// Info is what a camera says of itself.
type Info struct {
	Manufacturer string `json:"manufacturer"`
	Model        string `json:"model"`
	Firmware     string `json:"firmware"`
}

// Info asks for maker and model (Core, 8.3.1).
func (c *Client) Info(ctx context.Context) (Info, error) {
	n, err := c.ask(ctx, nsDevice, "GetDeviceInformation", "")
	if err != nil {
		return Info{}, err
	}
	return Info{brief(n.say("Manufacturer")), brief(n.say("Model")), brief(n.say("FirmwareVersion"))}, nil
}

// Profile is one way in which a camera can send pictures.
type Profile struct {
	Token    string `json:"token"`
	Name     string `json:"name"`
	Source   string `json:"source"` // of a recorder, the channel
	Encoding string `json:"encoding"`
	Width    int    `json:"width"`
	Height   int    `json:"height"`
	FPS      int    `json:"fps"`
	Kbps     int    `json:"kbps"`
	PTZ      bool   `json:"ptz"`

	second bool // told by Media2
}

// maxProfiles is four for each of 64 channels.
const maxProfiles = 256

// Profiles lists the profiles: by Media2, which alone knows those with H.265, or
// by Media where that is missing or refuses.
func (c *Client) Profiles(ctx context.Context) ([]Profile, error) {
	if c.services[nsMedia2] != "" {
		n, err := c.ask(ctx, nsMedia2, "GetProfiles", "<Type>All</Type>")
		if list := profiles(n, true); err == nil && len(list) > 0 {
			return list, nil
		}
	}
	n, err := c.ask(ctx, nsMedia, "GetProfiles", "")
	if err != nil {
		return nil, err
	}
	return profiles(n, false), nil
}

func profiles(n *node, second bool) (list []Profile) {
	for _, p := range n.all("Profiles") {
		if len(list) == maxProfiles {
			break
		}
		source, encoder, ptz := p.at("VideoSourceConfiguration"), p.at("VideoEncoderConfiguration"), p.at("PTZConfiguration")
		if second {
			all := p.at("Configurations")
			source, encoder, ptz = all.at("VideoSource"), all.at("VideoEncoder"), all.at("PTZ")
		}
		x := Profile{
			Token: p.attr("token"), Name: brief(p.say("Name")), Source: source.say("SourceToken"), Encoding: strings.ToUpper(encoder.say("Encoding")),
			Width: number(encoder.say("Resolution", "Width")), Height: number(encoder.say("Resolution", "Height")),
			FPS: number(encoder.say("RateControl", "FrameRateLimit")), Kbps: number(encoder.say("RateControl", "BitrateLimit")),
			PTZ: ptz != nil, second: second,
		}
		if x.Token != "" && encoder != nil {
			list = append(list, x)
		}
	}
	return list
}

func number(s string) int {
	f, err := strconv.ParseFloat(s, 64) // some write 25.0
	if err != nil || f < 0 || f > 1<<30 {
		return 0
	}
	return int(f)
}

// StreamURI is the RTSP address of a profile, with the user and password by which
// the camera was asked.
func (c *Client) StreamURI(ctx context.Context, p *Profile) (streams.URL, error) {
	var n *node
	var err error
	if p.second {
		n, err = c.ask(ctx, nsMedia2, "GetStreamUri", "<Protocol>RTSP</Protocol><ProfileToken>"+escape(p.Token)+"</ProfileToken>")
	} else {
		n, err = c.ask(ctx, nsMedia, "GetStreamUri", "<StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport><tt:Protocol>RTSP</tt:Protocol></tt:Transport></StreamSetup>"+
			"<ProfileToken>"+escape(p.Token)+"</ProfileToken>")
	}
	if err != nil {
		return "", err
	}
	return c.rtsp(n.find("Uri"))
}

// rtsp reads an address that a camera gave for its stream.
func (c *Client) rtsp(n *node) (streams.URL, error) {
	if n == nil {
		return "", errors.New("GetStreamUri: the camera gives no address")
	}
	// Some write & once too often escaped.
	u, err := url.Parse(strings.ReplaceAll(n.text, "&amp;", "&"))
	if err != nil || u.Scheme != "rtsp" && u.Scheme != "rtsps" {
		return "", errors.New("GetStreamUri: the camera gives an address that is not RTSP")
	}
	if ip, err := netip.ParseAddr(u.Hostname()); u.Hostname() == "" || err == nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		host := c.device.Hostname()
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		if port := u.Port(); port != "" {
			host += ":" + port
		}
		u.Host = host
	}
	if u.User = nil; c.account != nil {
		u.User = url.UserPassword(c.account.User, c.account.Password)
	}
	return streams.URL(u.String()), nil
}

// SnapshotURI is the address of a still picture (Media, 5.15.2), without user and
// password.
func (c *Client) SnapshotURI(ctx context.Context, p *Profile) (string, error) {
	ns := nsMedia
	if p.second {
		ns = nsMedia2
	}
	n, err := c.ask(ctx, ns, "GetSnapshotUri", "<ProfileToken>"+escape(p.Token)+"</ProfileToken>")
	if err != nil {
		return "", err
	}
	return c.near(n.find("Uri").say())
}

// choose picks the profile of the main stream and, where there is one, that of a
// smaller one of the same source: H.264 before others, since every browser plays
// it, and for walls the one that is nearest to 640 wide.
func choose(list []Profile) (big, small *Profile) {
	if len(list) == 0 {
		return nil, nil
	}
	channel := list[0].Source
	var mine []*Profile
	for i := range list {
		if list[i].Source == channel {
			mine = append(mine, &list[i])
		}
	}
	rank := func(p *Profile) int { return slices.Index([]string{"JPEG", "H265", "H264"}, p.Encoding) }
	big = slices.MaxFunc(mine, func(a, b *Profile) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Width*a.Height, b.Width*b.Height))
	})
	for _, p := range mine {
		if p.Token == big.Token || rank(p) < rank(big) || p.Width*p.Height >= big.Width*big.Height {
			continue
		}
		if small == nil || far(p) < far(small) {
			small = p
		}
	}
	return big, small
}

func far(p *Profile) int {
	d := p.Width - 640
	if d < 0 {
		return -d
	}
	return d
}

// Finder implements streams.Finder.
type Finder struct{ Networks streams.Networks }

// Find asks a camera for its streams.
func (f Finder) Find(ctx context.Context, device streams.Source) (streams.Found, error) {
	c, err := Connect(ctx, device, f.Networks)
	if err != nil {
		return streams.Found{}, err
	}
	defer c.Close()
	list, err := c.Profiles(ctx)
	if err != nil {
		return streams.Found{}, err
	}
	return c.found(ctx, list)
}

func (c *Client) found(ctx context.Context, list []Profile) (x streams.Found, err error) {
	big, small := choose(list)
	if big == nil {
		return x, errors.New("the camera has no profile with pictures")
	}
	if x.Main, err = c.StreamURI(ctx, big); err != nil {
		return x, err
	}
	if small != nil {
		if x.Sub, err = c.StreamURI(ctx, small); err != nil {
			x.Sub = "" // the main stream alone is something
		}
	}
	ptz, _ := c.Has()
	x.Profile, x.PTZ = big.Token, big.PTZ && ptz
	return x, nil
}
