package onvif

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"dongyue/streams"
	"dongyue/streams/digest"
	"dongyue/streams/pin"
)

// Times of a call.
const (
	dialTimeout = 2 * time.Second
	callTimeout = 6 * time.Second // cameras are slow with lists of profiles
)

// Client asks one camera.
type Client struct {
	http     *http.Client
	device   *url.URL // without user
	offset   time.Duration
	services map[string]string // addresses by namespace

	mu      sync.Mutex // account
	account *digest.Account
}

// Connect finds out what a camera's clock says and which services it has.
func Connect(ctx context.Context, device streams.Source, nets streams.Networks) (*Client, error) {
	if err := streams.CheckONVIF(device.URL); err != nil {
		return nil, err
	}
	u, err := url.Parse(string(device.URL))
	if err != nil {
		return nil, errors.New("the address can't be read")
	}
	c := &Client{device: u}
	if u.User != nil {
		password, _ := u.User.Password()
		c.account = &digest.Account{User: u.User.Username(), Password: password}
		u.User = nil
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/onvif/device_service"
	}
	dialer := net.Dialer{Timeout: dialTimeout, ControlContext: nets.Control}
	c.http = &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: pin.Config(device.Fingerprint, nil), MaxIdleConnsPerHost: 2, IdleConnTimeout: 20 * time.Second,
			MaxResponseHeaderBytes: 16 << 10, // and no proxy: cameras are near
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	c.clock(ctx)
	if err := c.learn(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close lets the connections go.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// clock reads the camera's clock, which needs no password (Core, 8.3.4). Without
// an answer its time is taken for ours.
func (c *Client) clock(ctx context.Context) {
	n, err := c.call(ctx, request{to: c.device.String(), action: nsDevice + "/GetSystemDateAndTime", body: `<GetSystemDateAndTime xmlns="` + nsDevice + `"/>`, open: true})
	if err != nil {
		return
	}
	if at, ok := dateTime(n.find("UTCDateTime")); ok {
		c.offset = time.Until(at)
	}
}

func dateTime(n *node) (time.Time, bool) {
	var v [6]int
	for i, path := range [][]string{{"Date", "Year"}, {"Date", "Month"}, {"Date", "Day"}, {"Time", "Hour"}, {"Time", "Minute"}, {"Time", "Second"}} {
		x, err := strconv.Atoi(n.say(path...))
		if err != nil || x < 0 || x > 9999 {
			return time.Time{}, false
		}
		v[i] = x
	}
	return time.Date(v[0], time.Month(v[1]), v[2], v[3], v[4], v[5], 0, time.UTC), true
}

// learn asks for the services: GetServices, and GetCapabilities of older cameras.
func (c *Client) learn(ctx context.Context) error {
	c.services = map[string]string{nsDevice: c.device.String()}
	n, err := c.call(ctx, request{
		to: c.device.String(), action: nsDevice + "/GetServices",
		body: `<GetServices xmlns="` + nsDevice + `"><IncludeCapability>false</IncludeCapability></GetServices>`,
	})
	if err == nil {
		for _, s := range n.all("Service") {
			c.service(s.say("Namespace"), s.say("XAddr"))
		}
		return nil
	}
	if errors.Is(err, streams.ErrAuth) || errors.Is(err, streams.ErrUnreachable) || errors.Is(err, streams.ErrNetwork) || errors.Is(err, streams.ErrCertificate) {
		return err
	}
	n, err = c.call(ctx, request{
		to: c.device.String(), action: nsDevice + "/GetCapabilities",
		body: `<GetCapabilities xmlns="` + nsDevice + `"><Category>All</Category></GetCapabilities>`,
	})
	if err != nil {
		return err
	}
	caps := n.at("Capabilities")
	for ns, name := range map[string]string{nsMedia: "Media", nsPTZ: "PTZ", nsEvents: "Events"} {
		c.service(ns, caps.say(name, "XAddr"))
	}
	return nil
}

// service notes an address. Cameras behind a NAT, and those that were moved, give
// another host than the one that answers; the latter is right.
func (c *Client) service(ns, address string) {
	if a, err := c.near(address); err == nil {
		c.services[ns] = a
	}
}

// near returns an address of the camera with the host that was dialled.
func (c *Client) near(address string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", errors.New("the camera gives an address that is none")
	}
	host, port := c.device.Hostname(), u.Port()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if u.Host = host; port != "" {
		u.Host += ":" + port
	}
	u.User = nil
	return u.String(), nil
}

// errMissing means that the camera has no such service.
var errMissing = errors.New("the camera does not offer this")

func (c *Client) to(ns string) (string, error) {
	a := c.services[ns]
	if a == "" {
		return "", errMissing
	}
	return a, nil
}

// ask calls a service by its namespace.
func (c *Client) ask(ctx context.Context, ns, name, body string) (*node, error) {
	to, err := c.to(ns)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c.call(ctx, request{to: to, action: ns + "/" + name, body: `<` + name + ` xmlns="` + ns + `">` + body + `</` + name + `>`})
}

// Has reports which of the services that the hub uses there are.
func (c *Client) Has() (ptz, events bool) { return c.services[nsPTZ] != "", c.services[nsEvents] != "" }

// unreachable gives an error of the network its cause, without the address.
func unreachable(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err
	}
	if errors.Is(err, streams.ErrNetwork) {
		return streams.ErrNetwork
	}
	if errors.Is(err, streams.ErrCertificate) {
		return err
	}
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return fmt.Errorf("%w: its name can't be resolved", streams.ErrUnreachable)
	case errors.As(err, &op):
		return fmt.Errorf("%w: %s: %w", streams.ErrUnreachable, op.Op, op.Err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w in time", streams.ErrUnreachable)
	}
	return fmt.Errorf("%w: %w", streams.ErrUnreachable, err)
}
