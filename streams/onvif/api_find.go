package onvif

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"dongyue/internal/web"
	"dongyue/streams"
	"dongyue/streams/probe"
)

// maxHosts is how many hosts one search may ask directly.
const maxHosts = 256

type discoverInput struct {
	Body struct {
		Seconds int      `json:"seconds,omitempty" minimum:"1" maximum:"10" doc:"how long to wait for answers; left out: 3"`
		Hosts   []string `json:"hosts,omitempty" maxItems:"256" doc:"addresses to ask directly, where multicast does not reach: 10.1.2.3, or 10.1.2.3:3702"`
	}
}

// Find is one camera that was found. It holds an address, which whoever may
// register cameras needs for that; those of registered ones are not told.
type Find struct {
	Name     string   `json:"name"`
	Hardware string   `json:"hardware"`
	ONVIF    string   `json:"onvif,omitempty"` // to register it by; "" where it is registered
	Known    []string `json:"known"`           // ids of cameras at this address
}

type discoverOutput struct {
	Body struct {
		Items []Find `json:"items"`
	}
}

func (r *Room) discover(ctx context.Context, in *discoverInput) (*discoverOutput, error) {
	var hosts []netip.AddrPort
	for _, h := range in.Body.Hosts {
		a, err := netip.ParseAddrPort(h)
		if err != nil {
			ip, err := netip.ParseAddr(h)
			if err != nil {
				return nil, web.Fail(http.StatusUnprocessableEntity, "camera.bad_host", "hosts: write IP addresses such as 10.1.2.3")
			}
			a = netip.AddrPortFrom(ip, 3702)
		}
		if !r.o.Networks.Allow(a.Addr()) {
			return nil, web.Fail(http.StatusUnprocessableEntity, "camera.network", "hosts: "+streams.ErrNetwork.Error())
		}
		hosts = append(hosts, a)
	}
	d := 3 * time.Second
	if in.Body.Seconds > 0 {
		d = time.Duration(in.Body.Seconds) * time.Second
	}
	wait, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	list, err := Discover(wait, r.o.Networks, hosts[:min(len(hosts), maxHosts)])
	if err != nil {
		return nil, err
	}
	var out discoverOutput
	out.Body.Items = []Find{}
	for _, d := range list {
		f := Find{Name: d.Name, Hardware: d.Hardware, ONVIF: d.Address, Known: r.o.Cameras.At(d.Address)}
		if f.Known == nil {
			f.Known = []string{}
		}
		if len(f.Known) > 0 {
			f.ONVIF = ""
		}
		out.Body.Items = append(out.Body.Items, f)
	}
	return &out, nil
}

type probeInput struct {
	Body struct {
		URL         string `json:"url,omitempty" doc:"rtsp://user:password@host/path"`
		ONVIF       string `json:"onvif,omitempty" doc:"or the address of its device service: then it is asked for its streams first"`
		Transport   string `json:"transport,omitempty"`
		Fingerprint string `json:"tls_fingerprint,omitempty"`
		Seconds     int    `json:"seconds,omitempty" minimum:"1" maximum:"15" doc:"how long to look; left out: 3"`
	}
}

// Looked is what a look at a camera has shown.
type Looked struct {
	Device   *Info         `json:"device,omitempty"`
	Profiles []Profile     `json:"profiles,omitempty"`
	PTZ      bool          `json:"ptz"`
	HasSub   bool          `json:"has_sub"`
	Report   *probe.Report `json:"report"`
}

func (r *Room) probe(ctx context.Context, in *probeInput) (*struct{ Body Looked }, error) {
	b := in.Body
	c := streams.Camera{URL: streams.URL(b.URL), ONVIF: streams.URL(b.ONVIF), Transport: streams.Transport(strings.ToLower(b.Transport)), Fingerprint: b.Fingerprint}
	if code, err := c.CheckSource(ctx, r.o.Networks); err != nil {
		return nil, web.Fail(http.StatusUnprocessableEntity, code, err.Error())
	}
	var out Looked
	if c.ONVIF != "" {
		if out.Report = r.asked(ctx, &c, &out); out.Report != nil {
			return &struct{ Body Looked }{out}, nil
		}
	}
	d := 3 * time.Second
	if b.Seconds > 0 {
		d = time.Duration(b.Seconds) * time.Second
	}
	report, err := probe.Run(ctx, probe.Options{
		Source: streams.Source{URL: c.URL, Transport: c.Transport, Fingerprint: c.Fingerprint}, For: d, Networks: r.o.Networks, HasSub: out.HasSub,
	})
	if err != nil {
		return nil, web.Fail(http.StatusUnprocessableEntity, "camera.bad_url", "url: "+err.Error())
	}
	out.Report = report
	return &struct{ Body Looked }{out}, nil
}

// asked asks a camera for its streams; the report is that of a failure.
func (r *Room) asked(ctx context.Context, k *streams.Camera, out *Looked) *probe.Report {
	failed := func(err error) *probe.Report {
		code, text, ok := streams.Explained(err)
		if !ok {
			code, text = "camera.onvif", streams.Text{ZH: "摄像机没有按 ONVIF 应答：请核对地址，并确认摄像机已启用 ONVIF。", EN: "The camera does not answer as ONVIF has it: compare the address, and see that ONVIF is switched on in it."}
		}
		return &probe.Report{Code: code, Answer: text, Detail: streams.Scrub(err.Error(), k.ONVIF), Tracks: []*probe.Track{}, Advice: []probe.Advice{}}
	}
	c, err := Connect(ctx, streams.Source{URL: k.ONVIF, Fingerprint: k.Fingerprint}, r.o.Networks)
	if err != nil {
		return failed(err)
	}
	defer c.Close()
	if info, err := c.Info(ctx); err == nil {
		out.Device = &info
	}
	if out.Profiles, err = c.Profiles(ctx); err != nil {
		return failed(err)
	}
	if k.URL != "" {
		return nil
	}
	f, err := c.found(ctx, out.Profiles)
	if err != nil {
		return failed(err)
	}
	k.URL, out.PTZ, out.HasSub = f.Main, f.PTZ, f.Sub != ""
	return nil
}
