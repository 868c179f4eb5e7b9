package streams

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dongyue/internal/event"
)

// URL is a camera's address with its user and password. However it is printed,
// logged or encoded, it shows nothing of them; string(u) is the only way.
type URL string

const redacted = "<redacted>"

// String hides the address.
func (u URL) String() string { return redacted }

// GoString hides the address from %#v.
func (u URL) GoString() string { return redacted }

// LogValue hides the address from the log.
func (u URL) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON hides the address from answers.
func (u URL) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// maxURL is far above what cameras use (bytes).
const maxURL = 2048

// CheckURL reports what is wrong with a camera's address and what to do about
// it, without repeating the address.
func CheckURL(u URL) error {
	if len(u) > maxURL {
		return fmt.Errorf("the address is longer than %d bytes: use the path that the camera's manual names", maxURL)
	}
	p, err := url.Parse(string(u))
	if err != nil {
		return errors.New("the address can't be read: write rtsp://user:password@host:554/path, with special characters of the password percent-encoded (@ as %40, # as %23, / as %2F)")
	}
	if p.Scheme != "rtsp" && p.Scheme != "rtsps" {
		return errors.New("the address must begin with rtsp:// or rtsps:// – other protocols are not pulled; take the RTSP address from the camera's manual")
	}
	if p.Hostname() == "" || p.Opaque != "" {
		return errors.New("the address names no host: write rtsp://host:554/path")
	}
	if port := p.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return errors.New("the port must be a number from 1 to 65535 (RTSP's own is 554)")
		}
	}
	if strings.ContainsAny(string(u), " \t\r\n") {
		return errors.New("the address contains a space or a line break: remove it or write it as %20")
	}
	return nil
}

// scrub takes everything of the address out of a text: user, password, host.
func scrub(text string, u URL) string {
	if text == "" || u == "" {
		return text
	}
	text = strings.ReplaceAll(text, string(u), redacted)
	p, err := url.Parse(string(u))
	if err != nil {
		return redacted // nothing can be told apart
	}
	var secrets []string
	if p.User != nil {
		pass, _ := p.User.Password()
		secrets = append(secrets, p.User.String(), pass, url.QueryEscape(pass), url.PathEscape(pass), p.User.Username())
	}
	secrets = append(secrets, p.Host, p.Hostname(), p.RequestURI(), p.RawQuery)
	for _, s := range secrets {
		if len(s) > 1 {
			text = strings.ReplaceAll(text, s, "…")
		}
	}
	return text
}

// Camera is one camera as it was registered.
type Camera struct {
	ID      string  `json:"id"`
	Name    string  `json:"name"`
	Zone    string  `json:"zone"`
	URL     URL     `json:"-"` // main stream
	SubURL  URL     `json:"-"` // smaller stream for walls; "" where there is none
	X       float64 `json:"x"` // on the plan, metres
	Y       float64 `json:"y"`
	Heading float64 `json:"heading"` // where it looks, degrees clockwise from the plan's top
	Fov     float64 `json:"fov"`     // angle of view, degrees

	Transport   Transport `json:"transport"`       // auto, tcp or udp
	AlwaysOn    bool      `json:"always_on"`       // pulled while nobody watches, so that its picture is there at once
	RecordSound bool      `json:"record_sound"`    // its sound is recorded with its pictures; off unless somebody wants it: talk is more personal than a picture
	Fingerprint string    `json:"tls_fingerprint"` // SHA-256 of its certificate; "" trusts the system's roots

	ONVIF   URL    `json:"-"`   // its device service; "" where it is not asked
	Profile string `json:"-"`   // token of the main stream's media profile
	PTZ     bool   `json:"ptz"` // it can be turned
}

// source is how one of its streams is reached.
func (c *Camera) source(u URL) Source { return Source{u, c.Transport, c.Fingerprint} }

// check reports what is wrong with a camera, with a stable code, and fills in
// what was left out. Hosts that are names are not resolved here.
func (c *Camera) check(nets Networks) (code string, err error) {
	if !event.ValidDevice(c.ID) {
		return "camera.bad_id", errors.New("the id must match [a-z0-9][a-z0-9-]{0,62}: for example cam-east-gate")
	}
	if c.ID == "wall" {
		return "camera.bad_id", errors.New("the id wall is the address of many pictures at once: choose another")
	}
	if c.Name == "" {
		c.Name = c.ID
	}
	if len(c.Name) > 200 {
		return "camera.bad_name", errors.New("the name is longer than 200 bytes: shorten it")
	}
	if code, err := c.checkSource(nets); err != nil {
		return code, err
	}
	if c.Fov < 0 || c.Fov > 360 {
		return "camera.bad_fov", errors.New("fov must be an angle from 0 to 360 degrees")
	}
	return "", nil
}

// Quality names one of a camera's two streams.
type Quality string

// The two streams. Sub is the smaller one; a camera without one serves its main
// stream instead.
const (
	Main Quality = "main"
	Sub  Quality = "sub"
)

// State of a stream or camera.
type State string

// The states. Idle: nobody watches, so nothing is pulled. NoSignal: somebody
// wants pictures and none came for noSignalAfter.
const (
	Idle       State = "idle"
	Connecting State = "connecting"
	Live       State = "live"
	NoSignal   State = "no_signal"
)

// Codec is what is known of a stream's coding. It outlives the connection, so a
// browser is answered before the camera is.
type Codec struct {
	Codec   string `json:"codec,omitempty"`   // h264 or h265
	Profile string `json:"profile,omitempty"` // h264: profile_idc, constraint flags, level_idc in hex (RFC 6184, 8.1); h265: as in hvc1.… (ISO/IEC 14496-15, E.3)
	Width   int    `json:"width,omitempty"`
	Height  int    `json:"height,omitempty"`
	FPS     int    `json:"fps,omitempty"`      // as the camera declares it, or as counted
	BFrames bool   `json:"b_frames,omitempty"` // pictures come in another order than they are shown in
	Audio   string `json:"audio,omitempty"`    // pcma, pcmu, opus or aac
}

// Status is what can be said of one stream.
type Status struct {
	Codec
	State   State     `json:"state"`
	Since   time.Time `json:"since"`
	Kbps    int       `json:"kbps"` // over the last seconds
	Viewers int       `json:"viewers"`
}
