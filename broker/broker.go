package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"dongyue/internal/event"
)

// Off as an address keeps that port closed.
const Off = "off"

// ErrUnavailable may be wrapped by an Authenticator that cannot decide now: the
// client hears "server unavailable", not "bad password", and tries again.
var ErrUnavailable = errors.New("authentication is not available")

// ErrNotConnected is what Publish returns for a command to a device that is not
// connected.
var ErrNotConnected = errors.New("device is not connected")

// ErrNotSubscribed is what Publish returns for a command to a device that is
// connected but has not (yet) subscribed to its command topic.
var ErrNotSubscribed = errors.New("device has not subscribed to its commands")

// Credentials are what a client has shown in CONNECT.
type Credentials struct {
	ClientID, Username string
	Password           []byte
	Certificate        *x509.Certificate // the client's, verified against the listener's authorities; nil for none
	Remote             string            // address and port
}

// Identity is who a connection belongs to.
type Identity struct {
	ID         string
	Kind       event.Kind // of a device
	Integrator bool       // a program that listens
}

// Authenticator decides who a client is.
type Authenticator interface {
	Authenticate(ctx context.Context, c Credentials) (Identity, error)
}

// Message is what a client published and was allowed to.
type Message struct {
	From         Identity
	Topic        string
	Payload      []byte // shared, must not be changed
	QoS          byte   // as the client sent it
	Seq          uint64 // in the History; set only by it
	Retain, Will bool
	ReceivedAt   time.Time
}

// Sink takes in what devices publish.
type Sink interface {
	// Durable stores a message and calls done exactly once, nil when it is on
	// disk: only then is it acknowledged and delivered. It may block for a short
	// time, which slows that device; done may be called before it returns. seq is
	// the message's number in the History, 0 without one; done is called in the
	// order of these numbers.
	Durable(m Message, done func(seq uint64, err error))
	// Lossy takes QoS 0 telemetry; it must return soon.
	Lossy(m Message)
}

// Observer hears of connections. Calls for one identity never overlap.
type Observer interface {
	Connected(id Identity)
	// Disconnected is told why; nil after a DISCONNECT of the client.
	Disconnected(id Identity, err error)
	// Refused is told of what was not allowed, with one of the Reason constants.
	// A client that goes on is told of at a bounded rate; the metric counts all.
	Refused(id, remote, topic, reason string)
}

// SubscriptionObserver may be implemented by an Observer that wants to know when
// a client begins to hear a topic. It is told when the SUBACK is on its way,
// and must not block.
type SubscriptionObserver interface {
	Subscribed(id Identity, filter string)
}

// Options of a Broker.
type Options struct {
	// Addr and TLSAddr are host:port; Off or empty keeps the port closed.
	Addr, TLSAddr string
	// TLS is needed for TLSAddr; nothing below 1.3 is spoken. For client
	// certificates set ClientAuth and ClientCAs; one that is not verified is not
	// shown to the Authenticator, and one that does not name the client id (as a
	// DNS name, or as the URI dy:device:ID) is refused.
	TLS *tls.Config

	Auth     Authenticator
	Sink     Sink
	Observer Observer // may be nil
	Log      *slog.Logger
	// Registerer takes the broker's metrics; nil: none.
	Registerer prometheus.Registerer
	Limits     Limits

	// History and Store, both or neither, keep sessions of programs that ask for
	// it (clean start off) over restarts; without them they live in memory.
	History History
	Store   Store

	// OpenTopics are filters outside the hub's own topics (dy/) and $ that every
	// client may use to publish and subscribe; their messages are passed on and
	// not stored. Empty: there are none.
	OpenTopics []string
	// AnonymousOpen lets clients without a user name in, to these topics only.
	AnonymousOpen bool
}

// Broker is the MQTT door.
type Broker struct {
	opts   Options
	limits Limits
	log    *slog.Logger
	topics *mqtt.TopicsIndex // who reads what, and what is retained
	// greeting is read while a SUBSCRIBE enters the index and is sent what is
	// retained, and written while a message is retained and its readers are found.
	greeting sync.RWMutex
	plain    *listener // nil: closed
	secure   *listener

	mu     sync.Mutex
	live   map[string]*session    // by client key, from the login to the very end of the connection
	wills  map[string]*time.Timer // wills that wait, by client key
	banned map[string]time.Time   // quarantined until, by identity

	memory   sync.Map     // client key → *memory, as long as the session lives
	audience atomic.Int64 // subscriptions of programs
	transit  transit
	fan      chan delivery
	stopped  chan struct{} // closed when nothing more is delivered
	stopping atomic.Bool
	joined   atomic.Uint64  // logins
	wg       sync.WaitGroup // connections and what they started

	admission *admission
	strangers *rate.Limiter // how often the Observer hears of failed logins
	metrics   *metrics
}

// New checks the options and opens the ports, so that one that is taken is known
// at once; nobody is served before Run.
func New(o Options) (*Broker, error) {
	if o.Auth == nil || o.Sink == nil {
		return nil, errors.New("broker: an authenticator and a sink are needed")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observer == nil {
		o.Observer = silent{}
	}
	b := &Broker{
		opts: o, limits: o.Limits.withDefaults(), log: o.Log, topics: mqtt.NewTopicsIndex(),
		live: map[string]*session{}, wills: map[string]*time.Timer{}, banned: map[string]time.Time{},
		fan: make(chan delivery, fanQueue), stopped: make(chan struct{}),
		strangers: rate.NewLimiter(strangerRate, strangerBurst),
	}
	if err := b.loadPlaces(); err != nil {
		return nil, fmt.Errorf("broker: load sessions: %w", err)
	}
	b.admission = newAdmission(b.limits)
	b.metrics = newMetrics(b)
	if o.Registerer != nil {
		if err := b.metrics.register(o.Registerer); err != nil {
			return nil, fmt.Errorf("broker: register metrics: %w", err)
		}
	}
	if err := b.listen(); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Broker) listen() (err error) {
	if a := b.opts.Addr; a != "" && a != Off {
		if b.plain, err = newListener(b, a, nil); err != nil {
			return err
		}
	}
	if a := b.opts.TLSAddr; a != "" && a != Off {
		if b.opts.TLS == nil {
			return fmt.Errorf("broker: listen on %s: a TLS configuration is needed", a)
		}
		cfg := b.opts.TLS.Clone()
		cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS13)
		if b.secure, err = newListener(b, a, cfg); err != nil {
			return err
		}
	}
	return nil
}

func (b *Broker) listeners() (all []*listener) {
	for _, l := range []*listener{b.plain, b.secure} {
		if l != nil {
			all = append(all, l)
		}
	}
	return all
}

// Close closes the ports of a broker that was never run.
func (b *Broker) Close() error {
	var errs []error
	for _, l := range b.listeners() {
		if err := l.ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Addr is the address of the plain port, nil when it is closed.
func (b *Broker) Addr() net.Addr { return addrOf(b.plain) }

// TLSAddr is the address of the TLS port, nil when it is closed.
func (b *Broker) TLSAddr() net.Addr { return addrOf(b.secure) }

func addrOf(l *listener) net.Addr {
	if l == nil {
		return nil
	}
	return l.ln.Addr()
}

// Connected reports whether the device has a live connection.
func (b *Broker) Connected(device string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.live[device]
	return s != nil && s.established.Load()
}

// Backlog is how much waits for a device's connection to take it (bytes), 0 for one
// that is not connected. Who has much to send looks at it first: beyond
// Limits.PendingBytes the connection is closed.
func (b *Broker) Backlog(device string) int {
	b.mu.Lock()
	s := b.live[device]
	b.mu.Unlock()
	if s == nil {
		return 0
	}
	return s.conn.out.pending()
}

// count is how many clients are logged in.
func (b *Broker) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.live)
}

// Drop closes all connections of an identity, for example when its secret has
// been revoked: a device has one, an integrator may have several. What it had
// published is still stored and acknowledged to nobody.
func (b *Broker) Drop(id string) {
	var all []*session
	b.mu.Lock()
	for _, s := range b.live {
		if s.id.ID == id {
			all = append(all, s)
		}
	}
	b.mu.Unlock()
	for _, s := range all {
		s.kick(codeDropped)
	}
}

type silent struct{}

func (silent) Connected(Identity)                     {}
func (silent) Disconnected(Identity, error)           {}
func (silent) Refused(string, string, string, string) {}
