package broker

import (
	"bytes"
	"context"
	"errors"
	"math"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/rs/xid"
)

// loginTime is how long an Authenticator may take, and how long a connection may
// take to make room for its successor.
const loginTime = 5 * time.Second

// absentKeepAlive is given to MQTT 5 clients without one, in seconds.
const absentKeepAlive = 600

// join answers a CONNECT. It returns nil, and the reason, for a client that is
// not let in.
func (b *Broker) join(c *conn, body []byte) *session {
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Connect}}
	if err := pk.ConnectDecode(bytes.Clone(body)); err != nil {
		b.turnedAway("", c, ReasonMalformed)
		return nil
	}
	s, reason, code := b.login(c, &pk)
	if s == nil {
		b.turnedAway(pk.Connect.ClientIdentifier, c, reason)
		b.refuse(c, code)
		return nil
	}
	b.establish(s, &pk)
	b.joined.Add(1)
	return s
}

func (b *Broker) login(c *conn, pk *packets.Packet) (s *session, reason string, code packets.Code) {
	if c.version < 4 {
		return nil, ReasonMalformed, packets.ErrUnsupportedProtocolVersion
	}
	if pk.Properties.AuthenticationMethod != "" {
		return nil, ReasonCredentials, packets.ErrBadAuthenticationMethod
	}
	if c.version < 5 && !pk.Connect.Clean && pk.Connect.ClientIdentifier == "" {
		return nil, ReasonMalformed, packets.ErrClientIdentifierNotValid // 3.1.1, 3.1.3-8
	}
	if b.stopping.Load() || b.count() >= b.limits.Clients {
		return nil, ReasonUnavailable, packets.ErrServerUnavailable
	}
	id, err := b.authenticate(c, pk)
	switch {
	case errors.Is(err, ErrUnavailable):
		b.log.Warn("authentication not available", "client", pk.Connect.ClientIdentifier, "err", err)
		return nil, ReasonUnavailable, packets.ErrServerUnavailable
	case err != nil:
		return nil, ReasonCredentials, packets.ErrBadUsernameOrPassword
	case id.Kind != "" && !id.Integrator && pk.Connect.ClientIdentifier != id.ID:
		// Else one device could end the session of another.
		return nil, ReasonCredentials, packets.ErrClientIdentifierNotValid
	case b.quarantined(id.ID):
		return nil, ReasonQuarantine, packets.ErrBanned
	}
	client := pk.Connect.ClientIdentifier
	if client == "" {
		client = xid.New().String()
		pk.Properties.AssignedClientID = client
	}
	s = newSession(b, c, id, keyOf(id, client))
	if pk.Connect.WillFlag {
		if _, ok := s.rights.publish(pk.Connect.WillTopic); !ok || len(pk.Connect.WillPayload) > maxPayload {
			return nil, ReasonWill, packets.ErrNotAuthorized
		}
	}
	c.session.Store(s) // from here on leave tidies up, whatever happens
	if !s.claim(pk.Connect.Clean, loginTime) {
		return nil, ReasonUnavailable, packets.ErrServerBusy
	}
	return s, "", packets.CodeSuccess
}

// keyOf is a client's name in the broker: a device's own, and for others one that
// is never that of a device, or of another's program.
func keyOf(id Identity, client string) string {
	switch {
	case id.Integrator:
		return "~" + id.ID + "/" + client
	case id.Kind == "":
		return "?" + client
	}
	return id.ID
}

func (b *Broker) authenticate(c *conn, pk *packets.Packet) (Identity, error) {
	cert := c.certificate()
	if b.opts.AnonymousOpen && !pk.Connect.UsernameFlag && cert == nil {
		return Identity{}, nil
	}
	if cert != nil && !names(cert, pk.Connect.ClientIdentifier) {
		return Identity{}, errors.New("the certificate is another's")
	}
	ctx, cancel := context.WithTimeout(context.Background(), loginTime)
	defer cancel()
	id, err := b.opts.Auth.Authenticate(ctx, Credentials{
		ClientID: pk.Connect.ClientIdentifier, Username: string(pk.Connect.Username), Password: pk.Connect.Password,
		Certificate: cert, Remote: c.RemoteAddr().String(),
	})
	if err == nil && id.ID == "" {
		err = errors.New("the authenticator named nobody")
	}
	return id, err
}

// turnedAway reports a login that failed. Anyone can make these, so the Observer
// hears of a bounded number.
func (b *Broker) turnedAway(client string, c *conn, reason string) {
	b.metrics.refused.WithLabelValues(reason).Inc()
	remote := c.RemoteAddr().String()
	if b.strangers.Allow() {
		b.log.Info("login refused", "client", client, "remote", remote, "reason", reason)
		b.opts.Observer.Refused(client, remote, "", reason)
	}
}

// refuse sends the CONNACK of a login that failed.
func (b *Broker) refuse(c *conn, code packets.Code) {
	pk := packets.Packet{ProtocolVersion: c.version, FixedHeader: packets.FixedHeader{Type: packets.Connack}, ReasonCode: code.Code}
	pk.Properties.ReasonString = code.Reason
	if c.version < 5 {
		pk.ReasonCode = oldCode(code)
	}
	c.send(&pk)
}

// oldCode is the return code of MQTT 3.1.1 (3.2.2.3).
func oldCode(c packets.Code) byte {
	switch c.Code {
	case packets.ErrUnsupportedProtocolVersion.Code:
		return packets.Err3UnsupportedProtocolVersion.Code
	case packets.ErrClientIdentifierNotValid.Code:
		return packets.Err3ClientIdentifierNotValid.Code
	case packets.ErrServerUnavailable.Code, packets.ErrServerBusy.Code:
		return packets.Err3ServerUnavailable.Code
	}
	return packets.Err3NotAuthorized.Code
}

// establish takes over or begins the session and says so.
func (b *Broker) establish(s *session, pk *packets.Packet) {
	c, p := s.conn, &pk.Properties
	ack := packets.Packet{ProtocolVersion: c.version, FixedHeader: packets.FixedHeader{Type: packets.Connack}, SessionPresent: s.present}
	if c.version == 5 {
		ack.Properties = packets.Properties{
			ReceiveMaximum: inFlight, MaximumPacketSize: maxPublish, TopicAliasMaximum: aliases, AssignedClientID: p.AssignedClientID,
		}
	}
	s.maxPacket = int(p.MaximumPacketSize)
	keep := s.lifeTime(pk)
	if asked := time.Duration(p.SessionExpiryInterval) * time.Second; c.version == 5 && keep < asked {
		ack.Properties.SessionExpiryInterval, ack.Properties.SessionExpiryIntervalFlag = uint32(keep/time.Second), true //nolint:gosec // less than asked
	}
	alive := time.Duration(pk.Connect.Keepalive) * time.Second
	if alive == 0 && c.version == 5 {
		alive = absentKeepAlive * time.Second
		ack.Properties.ServerKeepAlive, ack.Properties.ServerKeepAliveFlag = absentKeepAlive, true
	}
	s.setWill(pk, keep)
	m := s.memory
	m.mu.Lock()
	m.keep = keep
	m.mu.Unlock()
	b.step(m)
	c.out.shape(s.id.Integrator)
	c.quiet = alive + alive/2
	c.send(&ack)
	window := int(p.ReceiveMaximum)
	if window == 0 {
		window = math.MaxUint16
	}
	s.established.Store(true)
	m.attach(s, window)
	if !s.guest() {
		b.opts.Observer.Connected(s.id)
	}
	m.mu.Lock()
	behind := m.journaled != nil && m.journaled.behind
	m.mu.Unlock()
	if behind {
		b.wg.Go(func() { b.catchUp(s) })
	}
}

// lifeTime is how long the session outlives the connection.
func (s *session) lifeTime(pk *packets.Packet) time.Duration {
	most := s.b.limits.SessionKeep
	if s.conn.version < 5 {
		if pk.Connect.Clean {
			return 0
		}
		return most
	}
	return min(most, time.Duration(pk.Properties.SessionExpiryInterval)*time.Second)
}

func (c *conn) send(pk *packets.Packet) {
	var buf bytes.Buffer
	if err := pk.ConnackEncode(&buf); err == nil {
		_ = c.out.write(buf.Bytes())
	}
}

func (s *session) setWill(pk *packets.Packet, keep time.Duration) {
	x := &pk.Connect
	if !x.WillFlag {
		return
	}
	s.will = &will{
		topic: x.WillTopic, payload: x.WillPayload, qos: x.WillQos, retain: x.WillRetain, properties: x.WillProperties,
		// The session ends with the connection at the latest (MQTT 5, 3.1.3.2.2).
		delay: min(keep, time.Duration(x.WillProperties.WillDelayInterval)*time.Second),
	}
}
