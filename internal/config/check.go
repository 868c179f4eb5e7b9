package config

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // a small box may have no database of time zones

	"dongyue/internal/event"
)

// check looks at what one value alone can't tell.
func (l *loader) check() {
	c := l.config
	if strings.TrimSpace(c.Data.Dir) == "" {
		l.problem("data.dir", "is empty", "name a folder")
	}
	if _, err := c.Site.Location(); err != nil {
		l.problem("site.time_zone", "is no time zone that is known: "+c.Site.TimeZone, "write a name of the IANA database, as Asia/Shanghai")
	}
	for _, x := range []struct {
		path, hint string
		v, most    float64
	}{
		{"site.latitude", "write degrees, north positive", c.Site.Latitude, 90},
		{"site.longitude", "write degrees, east positive", c.Site.Longitude, 180},
	} {
		if !(math.Abs(x.v) <= x.most) { // NaN too
			l.problem(x.path, fmt.Sprintf("must be from %g to %g: %g", -x.most, x.most, x.v), x.hint)
		}
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
	for _, n := range c.Cameras.Networks {
		if !isNetwork(n) {
			l.problem("cameras.networks", "has an entry that is no network: "+n, "write 10.1.0.0/16, or a single address")
		}
	}
	if len(c.Cameras.Networks) == 0 {
		l.problem("cameras.networks", "is empty", "name the networks of the cameras, as 10.1.0.0/16")
	}
	if d := strings.TrimSpace(c.Clips.Dir); d != "" && filepath.Clean(d) == filepath.Clean(c.Data.Dir) {
		l.problem("clips.dir", "is data.dir itself", "name a folder of its own, or leave it empty")
	}
	l.continuous(c.Clips)
	l.charging(c.Charging)
	if c.Series.RollupRetention < c.Series.Retention {
		l.problem("series.rollup_retention", "is shorter than series.retention", "keep the minutes at least as long as the points")
	}
	if c.Identity.SessionIdle > c.Identity.SessionLifetime {
		l.problem("identity.session_idle", "is longer than identity.session_lifetime", "write at most that")
	}
	l.either("identity.admin_password", c.Identity.AdminPassword, c.Identity.AdminPasswordFile)
	l.influx(c.Series.Influx)
	l.publicURL(c.HTTP.PublicURL)
	l.notify(c.Notify)
	l.broadcast(c.Broadcast)
	l.official(c.Official)
	l.ports()
}

// continuous looks at what is recorded all the time.
func (l *loader) continuous(c Clips) {
	list := c.Continuous.Cameras
	if len(list) > 0 && !c.Enabled {
		l.problem("clips.continuous.cameras", "does nothing while clips.enabled is false", "set clips.enabled")
	}
	for _, id := range list {
		if id == "all" && len(list) > 1 {
			l.problem("clips.continuous.cameras", "names cameras beside all", "write [all], or the ids alone")
		}
		if !event.ValidDevice(id) {
			l.problem("clips.continuous.cameras", "has an entry that is no camera's id: "+id, "write ids as GET /api/v1/cameras lists them, or [all]")
		}
	}
}

// Location is the community's time zone.
func (s Site) Location() (*time.Location, error) {
	if s.TimeZone == "" || s.TimeZone == "Local" {
		return nil, fmt.Errorf("time zone %q", s.TimeZone)
	}
	return time.LoadLocation(s.TimeZone)
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

// charging reports prices that are none, and a provider that can't be reached.
func (l *loader) charging(c Charging) {
	for path, p := range map[string]struct {
		text  string
		digit string
	}{"electricity": {c.Electricity, "4"}, "service": {c.Service, "4"}, "deposit": {c.Deposit, "2"}} {
		if !regexp.MustCompile(`^[0-9]{1,4}(\.[0-9]{1,` + p.digit + `})?$`).MatchString(p.text) {
			l.problem("charging."+path, fmt.Sprintf("%q is no amount of yuan", p.text), "write it in quotes with at most "+p.digit+" decimals")
		}
	}
	l.either("charging.payments_token", c.Token, c.TokenFile)
	if c.URL == "" {
		return
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		l.problem("charging.payments_url", "is not an http or https address without a user", "write https://pay.example.com")
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

// publicURL reports an address that is more or less than a scheme and a host.
func (l *loader) publicURL(text string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		l.problem("http.public_url", "is not an http or https address", "write https://hub.example.com")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		l.problem("http.public_url", "has more in it than a scheme and a host", "write https://hub.example.com, without path, user or query")
	case u.Scheme == "http" && u.Hostname() != "localhost" && net.ParseIP(u.Hostname()) == nil:
		l.problem("http.public_url", "is a name without encryption", "write https://: browsers let phones prove themselves, and keep pages for offline use, over https only")
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

func isNetwork(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	_, err := netip.ParsePrefix(s)
	return err == nil
}

func isHost(h string) bool {
	return net.ParseIP(h) != nil || h != "" && len(h) <= 253 && !strings.ContainsAny(h, ":/ @?#[]")
}
