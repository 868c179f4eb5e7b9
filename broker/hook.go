package broker

import (
	"context"
	"errors"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// loginTime is how long an Authenticator may take, and how long a connection may
// take to make room for its successor.
const loginTime = 5 * time.Second

// longestKeepAlive is what the server's arithmetic can take half as much again of
// (16 bits), in seconds; absentKeepAlive is given to MQTT 5 clients without one.
const (
	longestKeepAlive = 43_690
	absentKeepAlive  = 600
)

// hook is the only hook of the embedded server: who comes in, what may be read,
// and corrections of what the server does with outbound messages.
type hook struct {
	mqtt.HookBase
	b *Broker
}

// ID is the hook's name.
func (h *hook) ID() string { return "hub" }

// Provides says which calls are wanted; it is asked for each of them.
func (h *hook) Provides(b byte) bool {
	switch b {
	case mqtt.OnConnect, mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnSessionEstablish, mqtt.OnSessionEstablished,
		mqtt.OnDisconnect, mqtt.OnPacketRead, mqtt.OnPacketEncode, mqtt.OnSubscribed, mqtt.OnQosPublish, mqtt.OnClientExpired,
		mqtt.OnPublishDropped:
		return true
	}
	return false
}

// connOf is nil for the hub itself.
func connOf(cl *mqtt.Client) *conn {
	c, _ := cl.Net.Conn.(*conn)
	return c
}

func sessionOf(cl *mqtt.Client) *session {
	if c := connOf(cl); c != nil {
		return c.session.Load()
	}
	return nil
}

// OnConnect bounds the keep alive.
func (h *hook) OnConnect(cl *mqtt.Client, _ packets.Packet) error {
	if cl.State.Keepalive > longestKeepAlive {
		cl.State.Keepalive = longestKeepAlive
	}
	if cl.State.Keepalive == 0 && cl.Properties.ProtocolVersion == 5 {
		cl.State.Keepalive, cl.State.ServerKeepalive = absentKeepAlive, true
	}
	return nil
}

// OnConnectAuthenticate lets a client in.
func (h *hook) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	c := connOf(cl)
	if c == nil {
		return false
	}
	s, reason, code := h.login(c, cl, pk)
	if s == nil {
		c.refusal = code
		h.b.turnedAway(cl.ID, c, reason)
		return false
	}
	return true
}

func (h *hook) login(c *conn, cl *mqtt.Client, pk packets.Packet) (s *session, reason string, code packets.Code) {
	if pk.Properties.AuthenticationMethod != "" {
		return nil, ReasonCredentials, packets.ErrBadAuthenticationMethod
	}
	if h.b.stopping.Load() {
		return nil, ReasonUnavailable, packets.ErrServerUnavailable
	}
	ctx, cancel := context.WithTimeout(context.Background(), loginTime)
	defer cancel()
	id, err := h.b.opts.Auth.Authenticate(ctx, Credentials{
		ClientID: pk.Connect.ClientIdentifier, Username: string(pk.Connect.Username), Password: pk.Connect.Password,
		Certificate: c.certificate(), Remote: c.RemoteAddr().String(),
	})
	switch {
	case errors.Is(err, ErrUnavailable):
		h.b.log.Warn("authentication not available", "client", pk.Connect.ClientIdentifier, "err", err)
		return nil, ReasonUnavailable, packets.ErrServerUnavailable
	case err != nil || id.ID == "":
		return nil, ReasonCredentials, packets.ErrBadUsernameOrPassword
	case !id.Integrator && pk.Connect.ClientIdentifier != id.ID:
		// Else one device could end the session of another.
		return nil, ReasonCredentials, packets.ErrClientIdentifierNotValid
	case h.b.quarantined(id.ID):
		return nil, ReasonQuarantine, packets.ErrBanned
	}
	if id.Integrator {
		cl.ID = "~" + id.ID + "/" + cl.ID // never the name of a device, or of another's program
	}
	s = newSession(h.b, c, cl, id, cl.ID)
	if w := cl.Properties.Will; w.Flag == 1 {
		if _, ok := s.rights.publish(w.TopicName); !ok || len(w.Payload) > maxPayload {
			return nil, ReasonWill, packets.ErrNotAuthorized
		}
	}
	c.session.Store(s) // from here on leave tidies up, whatever happens
	if !s.claim(pk.Connect.Clean, loginTime) {
		return nil, ReasonUnavailable, packets.ErrServerBusy
	}
	return s, "", packets.CodeSuccess
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

// OnSessionEstablish runs before the server moves an old session over. What is
// delivered in between would go to the old one and be lost with it, so delivery
// stands still until OnSessionEstablished.
func (h *hook) OnSessionEstablish(cl *mqtt.Client, _ packets.Packet) {
	s := sessionOf(cl)
	if old, ok := h.b.server.Clients.Get(cl.ID); ok {
		h.b.takeover.Lock()
		s.moving = true
		old.ClearExpiredInflights(time.Now().Unix(), 0) // a late command is never sent
	}
	p := &cl.Properties
	s.conn.out.shape(int(p.Props.ReceiveMaximum), s.id.Integrator)
	cl.State.Inflight.ResetSendQuota(0)
	p.Props.TopicAliasMaximum = 0 // the server would resend with an alias that the new connection does not know
	s.will, p.Will = p.Will, mqtt.Will{}
	if !p.Props.SessionExpiryIntervalFlag {
		s.will.WillDelayInterval = 0 // the session ends with the connection (MQTT 5, 3.1.3.2.2)
	}
}

// OnSessionEstablished runs after CONNACK and what was to be sent again.
func (h *hook) OnSessionEstablished(cl *mqtt.Client, _ packets.Packet) {
	s := sessionOf(cl)
	cl.State.Inflight.ResetSendQuota(0)
	s.established.Store(true)
	s.arrived()
	h.b.opts.Observer.Connected(s.id)
}

// OnDisconnect notes whether the session ends with the connection.
func (h *hook) OnDisconnect(cl *mqtt.Client, _ error, expire bool) {
	if s := sessionOf(cl); s != nil {
		s.expire = expire
	}
}

// OnClientExpired forgets the session of a client that stayed away too long; the
// server itself would keep its subscriptions.
func (h *hook) OnClientExpired(cl *mqtt.Client) {
	h.b.memory.Delete(cl.ID)
	h.b.server.UnsubscribeClient(cl)
}

// OnACLCheck is asked for every filter of a SUBSCRIBE and every delivery.
func (h *hook) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	s := sessionOf(cl)
	return s != nil && !write && s.rights.read(topic)
}

// OnSubscribed reports filters that were refused.
func (h *hook) OnSubscribed(cl *mqtt.Client, pk packets.Packet, codes []byte) {
	s := sessionOf(cl)
	for i, sub := range pk.Filters {
		if s != nil && i < len(codes) && codes[i] >= packets.ErrUnspecifiedError.Code && !s.rights.read(sub.Filter) {
			s.strike(sub.Filter, ReasonSubscription)
		}
	}
}

// OnPacketRead sets the identifier of a SUBSCRIBE aside: the server would refuse
// one that equals that of a message on its way to the client.
func (h *hook) OnPacketRead(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	s := sessionOf(cl)
	if s == nil {
		return pk, nil
	}
	switch pk.FixedHeader.Type {
	case packets.Subscribe, packets.Unsubscribe:
		s.sub = pk.PacketID
		pk.PacketID, pk.FixedHeader.Qos = 0, 0
	case packets.Disconnect:
		s.graceful = pk.ReasonCode == packets.CodeDisconnect.Code // any other keeps the will (MQTT 5, 3.14.2.1)
	}
	return pk, nil
}

// OnPacketEncode completes what the server leaves out.
func (h *hook) OnPacketEncode(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	c := connOf(cl)
	if c == nil {
		return pk
	}
	switch pk.FixedHeader.Type {
	case packets.Connack:
		return h.connack(cl, c, pk)
	case packets.Suback, packets.Unsuback:
		if s := c.session.Load(); s != nil {
			pk.PacketID = s.sub
		}
	}
	return pk
}

func (h *hook) connack(cl *mqtt.Client, c *conn, pk packets.Packet) packets.Packet {
	if pk.ReasonCode != 0 {
		if c.refusal.Code != 0 {
			pk.ReasonCode = c.refusal.Code
			pk.Properties.ReasonString = c.refusal.Reason
			if c.version < 5 {
				pk.ReasonCode = oldCode(c.refusal)
			}
		}
		return pk
	}
	cl.State.Inflight.ResetSendQuota(0) // a session that was moved has set it again
	pk.Properties.MaximumPacketSize = maxPublish
	pk.Properties.TopicAliasMaximum = aliases
	pk.Properties.SharedSubAvailable, pk.Properties.SharedSubAvailableFlag = 0, true
	return pk
}

// oldCode is the return code of MQTT 3.1.1 (3.2.2.3).
func oldCode(c packets.Code) byte {
	switch c.Code {
	case packets.ErrClientIdentifierNotValid.Code:
		return packets.Err3ClientIdentifierNotValid.Code
	case packets.ErrServerUnavailable.Code, packets.ErrServerBusy.Code:
		return packets.Err3ServerUnavailable.Code
	}
	return packets.Err3NotAuthorized.Code
}

// OnPublishDropped counts what the server could not queue for a client.
func (h *hook) OnPublishDropped(*mqtt.Client, packets.Packet) {
	h.b.metrics.lost.WithLabelValues("writer").Inc()
}

// OnQosPublish numbers messages to a client. The server sorts by Created, which
// has seconds, when it sends them again; with a counter there the order is kept.
func (h *hook) OnQosPublish(cl *mqtt.Client, pk packets.Packet, _ int64, _ int) {
	if pk.FixedHeader.Type != packets.Publish || pk.FixedHeader.Dup {
		return
	}
	m := h.b.memoryOf(cl.ID)
	m.mu.Lock()
	defer m.mu.Unlock()
	const most = 1<<16 - 1 // the server compares 16 bits
	if cl.State.Inflight.Len() == 1 {
		m.order = 0
	}
	if m.order == most {
		m.order = 0
		for _, x := range cl.State.Inflight.GetAll(false) {
			if x.PacketID != pk.PacketID {
				m.order++
				x.Created = m.order
				cl.State.Inflight.Set(x)
			}
		}
	}
	m.order++
	pk.Created = m.order
	cl.State.Inflight.Set(pk)
}
