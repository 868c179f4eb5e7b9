package config

import (
	"net"
	"net/url"
	"strings"
)

// check looks at what one value alone can't tell.
func (l *loader) check() {
	c := l.config
	if strings.TrimSpace(c.Data.Dir) == "" {
		l.problem("data.dir", "is empty", "name a folder")
	}
	l.pair("http.tls", c.HTTP.TLS.Cert, c.HTTP.TLS.Key)
	l.pair("mqtt", c.MQTT.Cert, c.MQTT.Key)
	if c.MQTT.ClientCA != "" && !c.MQTT.TLSAddr.On() {
		l.problem("mqtt.client_ca", "does nothing without the TLS listener", "set mqtt.tls_addr")
	}
	for _, f := range c.MQTT.OpenTopics {
		if f == "" || f == "dy" || strings.HasPrefix(f, "dy/") || strings.HasPrefix(f, "$") {
			l.problem("mqtt.open_topics", "has an entry that is the hub's own: "+f, "write a filter outside dy/ and $")
		}
	}
	if c.MQTT.AnonymousOpen && len(c.MQTT.OpenTopics) == 0 {
		l.problem("mqtt.anonymous_open", "does nothing without open topics", "set mqtt.open_topics")
	}
	if c.MQTT.MessageBurst < c.MQTT.MessagesPerS {
		l.problem("mqtt.message_burst", "is below mqtt.messages_per_s", "write at least as much")
	}
	for _, h := range c.WebRTC.Hosts {
		if !isHost(h) {
			l.problem("webrtc.hosts", "has an entry that is no address: "+h, "write an IP address or a name, without scheme and port")
		}
	}
	if c.Series.RollupRetention < c.Series.Retention {
		l.problem("series.rollup_retention", "is shorter than series.retention", "keep the minutes at least as long as the points")
	}
	if c.Identity.SessionIdle > c.Identity.SessionLifetime {
		l.problem("identity.session_idle", "is longer than identity.session_lifetime", "write at most that")
	}
	l.either("identity.admin_password", c.Identity.AdminPassword, c.Identity.AdminPasswordFile)
	l.influx(c.Series.Influx)
	l.ports()
}

// pair reports a certificate without its key, or the reverse.
func (l *loader) pair(path, cert, key string) {
	if cert != "" && key == "" {
		l.problem(path+".cert", "has no key", "set "+path+".key too")
	}
	if key != "" && cert == "" {
		l.problem(path+".key", "has no certificate", "set "+path+".cert too")
	}
}

// either reports a secret that is given twice.
func (l *loader) either(path string, s Secret, file string) {
	if s != "" && file != "" {
		l.problem(path+"_file", "is set beside "+path, "keep one of the two")
	}
}

func (l *loader) influx(i Influx) {
	l.either("series.influx.token", i.Token, i.TokenFile)
	if !i.Enabled {
		return
	}
	u, err := url.Parse(i.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		l.problem("series.influx.url", "is not an http or https address", "write http://127.0.0.1:8086")
	} else if u.User != nil {
		l.problem("series.influx.url", "has a user or password in it", "use series.influx.token_file")
	}
	if i.Org == "" {
		l.problem("series.influx.org", "is empty", "name the organisation that owns the bucket")
	}
	if i.Bucket == "" {
		l.problem("series.influx.bucket", "is empty", "name the bucket that takes the points")
	}
}

// ports reports two listeners on one TCP port. Port 0, any free one, is never
// shared; neither is a port on two different addresses.
func (l *loader) ports() {
	c := l.config
	all := []struct {
		path string
		addr Addr
	}{
		{"http.addr", c.HTTP.Addr}, {"mqtt.addr", c.MQTT.Addr}, {"mqtt.tls_addr", c.MQTT.TLSAddr},
		{"webrtc.addr", c.WebRTC.Addr}, {"rtsp.addr", c.RTSP.Addr},
	}
	for i, a := range all {
		for _, b := range all[:i] {
			if clash(a.addr, b.addr) {
				l.problem(a.path, "is the port of "+b.path, "choose another port")
				break
			}
		}
	}
}

func clash(a, b Addr) bool {
	if !a.On() || !b.On() {
		return false
	}
	ha, pa, errA := net.SplitHostPort(string(a))
	hb, pb, errB := net.SplitHostPort(string(b))
	if errA != nil || errB != nil || pa != pb || pa == "0" {
		return false
	}
	return ha == hb || everywhere(ha) || everywhere(hb)
}

func everywhere(host string) bool { return host == "" || host == "0.0.0.0" || host == "::" }

func isHost(h string) bool {
	return net.ParseIP(h) != nil || h != "" && len(h) <= 253 && !strings.ContainsAny(h, ":/ @?#[]")
}
