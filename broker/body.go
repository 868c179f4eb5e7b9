package broker

import "github.com/mochi-mqtt/server/v2/packets"

// properties walks over a property section and checks that each value is whole
// and stands once (MQTT 5, 2.2.2.2); which property may stand where is the decoder's business.
func (c *cursor) properties() {
	p := cursor{b: c.take(c.varint())}
	var seen uint64
	for len(p.b) > 0 && !p.bad && !c.bad {
		kind := p.byte()
		if bit := uint64(1) << (kind & 63); kind != packets.PropUser { // no other may stand twice in what a client sends
			p.bad = p.bad || seen&bit != 0
			seen |= bit
		}
		switch kind {
		case packets.PropPayloadFormat, packets.PropRequestProblemInfo, packets.PropRequestResponseInfo, packets.PropMaximumQos,
			packets.PropRetainAvailable, packets.PropWildcardSubAvailable, packets.PropSubIDAvailable, packets.PropSharedSubAvailable:
			p.byte()
		case packets.PropServerKeepAlive, packets.PropReceiveMaximum, packets.PropTopicAliasMaximum, packets.PropTopicAlias:
			p.uint16()
		case packets.PropMessageExpiryInterval, packets.PropSessionExpiryInterval, packets.PropWillDelayInterval, packets.PropMaximumPacketSize:
			p.take(4)
		case packets.PropSubscriptionIdentifier:
			p.varint()
		case packets.PropCorrelationData, packets.PropAuthenticationData:
			p.binary()
		case packets.PropContentType, packets.PropResponseTopic, packets.PropAssignedClientID, packets.PropAuthenticationMethod,
			packets.PropResponseInfo, packets.PropServerReference, packets.PropReasonString:
			p.text()
		case packets.PropUser:
			p.text()
			p.text()
		default:
			p.bad = true
		}
	}
	c.bad = c.bad || p.bad
}

// reason is the tail of a packet that may carry a reason code and properties.
func (c *cursor) reason(v5 bool) {
	if !v5 || len(c.b) == 0 {
		return
	}
	c.byte()
	if len(c.b) > 0 {
		c.properties()
	}
}

func (c *cursor) publish(head byte, v5 bool) error {
	c.text()
	if head&6 != 0 {
		c.id()
	}
	if v5 {
		c.properties()
	}
	if c.bad {
		return malformed()
	}
	if len(c.b) > maxPayload {
		return fault{packets.ErrPacketTooLarge}
	}
	return nil
}

// filters are those of SUBSCRIBE, with options, or UNSUBSCRIBE. One at least,
// and none without its options (a decoder has died of that).
func (c *cursor) filters(v5, options bool) {
	c.id()
	if v5 {
		c.properties()
	}
	if len(c.b) == 0 {
		c.bad = true
	}
	for len(c.b) > 0 && !c.bad {
		if len(c.text()) == 0 {
			c.bad = true
		}
		if !options {
			continue
		}
		o := c.byte()
		if o&3 == 3 || o&0xc0 != 0 || o&0x30 == 0x30 || !v5 && o > 2 {
			c.bad = true
		}
	}
}

// version reads the protocol of a CONNECT (3.1.2.1, 3.1.2.2), 0 for none that is
// known. 3.1 is let through for the server to refuse it in its own words.
func (c *cursor) version() byte {
	name, v := string(c.binary()), c.byte()
	if !c.bad && (name == "MQTT" && (v == 4 || v == 5) || name == "MQIsdp" && v == 3) {
		return v
	}
	c.bad = true
	return 0
}

// connectVersion is the version of a CONNECT that nextFrame has accepted.
func connectVersion(body []byte) byte {
	c := cursor{b: body}
	return c.version()
}

func (c *cursor) connect() {
	v5 := c.version() == 5
	f := c.byte()
	c.uint16() // keep alive
	will, user, password := f&0x04 != 0, f&0x80 != 0, f&0x40 != 0
	if f&1 != 0 || !will && f&0x38 != 0 || f&0x18 == 0x18 || !v5 && password && !user {
		c.bad = true
	}
	if v5 {
		c.properties()
	}
	c.text() // client id
	if will {
		if v5 {
			c.properties()
		}
		c.text()
		c.binary()
	}
	if user {
		c.text()
	}
	if password {
		c.binary()
	}
}
