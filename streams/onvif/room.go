package onvif

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"

	"dongyue/streams"
)

// Auditor keeps the trace of who did what, in the transaction when there is one.
type Auditor interface {
	Audit(ctx context.Context, tx *sql.Tx, actor, action, target string, detail any) error
}

// Feed tells screens what they need not be told again.
type Feed interface {
	Transient(topic string, payload any)
}

// Cameras is what is needed of the room of the cameras.
type Cameras interface {
	IDs() []string
	Known(id string) bool
	Control(id string) (streams.Control, bool)
	Learn(ctx context.Context, id, profile string, ptz bool) error
	At(host string) []string
}

// Options of New.
type Options struct {
	Cameras  Cameras
	Feed     Feed
	Audit    Auditor
	Networks streams.Networks
	Log      *slog.Logger
	Events   bool     // follow the events of cameras
	Reports  Reporter // takes them for the rules; nil: they are only shown
}

// Room turns cameras, finds them and follows their events.
type Room struct {
	o Options

	mu      sync.Mutex
	links   map[string]*link   // by camera
	follows map[string]*follow // by camera
	base    context.Context    //nolint:containedctx // of Run: stops are its work
	stops   sync.WaitGroup
}

// New returns a room. It starts nothing.
func New(o Options) (*Room, error) {
	if o.Cameras == nil || o.Feed == nil || o.Audit == nil || len(o.Networks) == 0 {
		return nil, errors.New("onvif: options need Cameras, Feed, Audit and Networks")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Room{o: o, links: map[string]*link{}, follows: map[string]*follow{}}, nil
}

// link is the connection by which one camera is turned.
type link struct {
	mu      sync.Mutex // one call at a time, in the order in which they came
	client  *Client
	control streams.Control // by which it was made
	mover   mover
}

func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client != nil {
		l.client.Close()
		l.client = nil
	}
}

// forget lets the links of cameras go that are no longer registered.
func (r *Room) forget() {
	var gone []*link
	r.mu.Lock()
	for id, l := range r.links {
		if _, ok := r.o.Cameras.Control(id); !ok {
			gone = append(gone, l)
			delete(r.links, id)
		}
	}
	r.mu.Unlock()
	for _, l := range gone {
		l.close()
	}
}

// errNoONVIF means that the camera was registered without an ONVIF address.
var errNoONVIF = errors.New("camera has no onvif address")

// link returns the link of a camera, locked, with a client that fits its present
// address. Unlock it.
func (r *Room) link(ctx context.Context, id string) (*link, error) {
	k, ok := r.o.Cameras.Control(id)
	if !ok {
		return nil, errNoONVIF
	}
	r.mu.Lock()
	l := r.links[id]
	if l == nil {
		l = &link{}
		r.links[id] = l
	}
	r.mu.Unlock()
	l.mu.Lock()
	if l.client != nil && l.control.Device == k.Device {
		l.control = k
		return l, nil
	}
	if l.client != nil {
		l.client.Close()
		l.client = nil
	}
	c, err := Connect(ctx, k.Device, r.o.Networks)
	if err == nil {
		k.Profile, err = r.profile(ctx, id, c, k)
	}
	if err != nil {
		l.mu.Unlock()
		return nil, err
	}
	l.client, l.control = c, k
	return l, nil
}

// profile is the media profile by which the camera is turned. One that was
// registered by its stream's address is asked for it.
func (r *Room) profile(ctx context.Context, id string, c *Client, k streams.Control) (string, error) {
	if k.Profile != "" {
		return k.Profile, nil
	}
	list, err := c.Profiles(ctx)
	if err != nil {
		return "", err
	}
	big, _ := choose(list)
	if big == nil {
		return "", errMissing
	}
	ptz, _ := c.Has()
	return big.Token, r.o.Cameras.Learn(ctx, id, big.Token, big.PTZ && ptz)
}

// Run follows events until ctx ends, and stops what is turning then.
func (r *Room) Run(ctx context.Context) error {
	r.mu.Lock()
	r.base = context.WithoutCancel(ctx)
	r.mu.Unlock()
	r.followAll(ctx)
	r.mu.Lock()
	base, links := r.base, r.links
	r.base, r.links = nil, map[string]*link{}
	r.mu.Unlock()
	r.stopAll(base, links)
	for _, l := range links {
		l.close()
	}
	return nil
}
