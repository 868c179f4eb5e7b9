package whep

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what TURN servers take
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"
)

// relayFor is how long a viewer may use the relay without asking anew. A session that
// stands goes on.
const relayFor = 6 * time.Hour

// checkRelays refuses what is no address of a STUN or TURN server, and TURN without
// the secret that opens it.
func checkRelays(urls []string, secret string) error {
	for _, u := range urls {
		parsed, err := stun.ParseURI(u)
		if err != nil {
			return fmt.Errorf("whep: ICE server %q is no address such as stun:192.0.2.1:3478 or turn:192.0.2.1:3478?transport=udp: %w", u, err)
		}
		if isTURN(parsed) && secret == "" {
			return fmt.Errorf("whep: ICE server %q is a relay and needs its secret", u)
		}
	}
	return nil
}

func isTURN(u *stun.URI) bool {
	return u.Scheme == stun.SchemeTypeTURN || u.Scheme == stun.SchemeTypeTURNS
}

// relays are the STUN and TURN servers for somebody, with a password that is good for
// a while only: until:who, and its HMAC (draft-uberti-behave-turn-rest, 2.2).
func (s *Server) relays(who string, now time.Time) []webrtc.ICEServer {
	var list []webrtc.ICEServer
	for _, u := range s.o.Relays {
		one := webrtc.ICEServer{URLs: []string{u}}
		if parsed, err := stun.ParseURI(u); err == nil && isTURN(parsed) {
			one.Username = strconv.FormatInt(now.Add(relayFor).Unix(), 10) + ":" + who
			mac := hmac.New(sha1.New, []byte(s.o.RelaySecret))
			_, _ = mac.Write([]byte(one.Username))
			one.Credential = base64.StdEncoding.EncodeToString(mac.Sum(nil))
		}
		list = append(list, one)
	}
	return list
}

// link tells a viewer of the servers (draft-ietf-wish-whep, 4.6).
func link(h http.Header, servers []webrtc.ICEServer) {
	for _, one := range servers {
		v := "<" + one.URLs[0] + `>; rel="ice-server"`
		if one.Username != "" {
			v += fmt.Sprintf(`; username="%s"; credential="%v"; credential-type="password"`, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(one.Username), one.Credential)
		}
		h.Add("Link", v)
	}
}
