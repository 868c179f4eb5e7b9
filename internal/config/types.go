package config

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Addr is where a listener listens: host:port, :port for every interface, or off.
type Addr string

// Off closes a listener.
const Off Addr = "off"

// On reports whether there is a listener at all.
func (a Addr) On() bool { return a != Off && a != "" }

// Secret is a text that no log, error or answer shows.
type Secret string

const redacted = "<redacted>"

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// String hides the secret from fmt; an empty one shows as empty, so that a
// reader sees whether it is set.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// MarshalText hides the secret from JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal is the secret itself.
func (s Secret) Reveal() string { return string(s) }

// maxSecretFile keeps a wrong path (a disk image, a log) out of memory, in bytes.
const maxSecretFile = 4096

// orFile returns the secret, or what its file holds without the last line end.
func (s Secret) orFile(path string) (Secret, error) {
	if s != "" || path == "" {
		return s, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read secret file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecretFile {
		return "", fmt.Errorf("read secret file %s: not a file of at most %d bytes", path, maxSecretFile)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read secret file: %w", err)
	}
	return Secret(strings.TrimRight(string(b), "\r\n")), nil
}

// Secret is the token, from its file where it is kept in one.
func (i Influx) Secret() (Secret, error) { return i.Token.orFile(i.TokenFile) }

// Secret is the token, from its file where it is kept in one.
func (c Charging) Secret() (Secret, error) { return c.Token.orFile(c.TokenFile) }

// FirstPassword is the administrator's first password, from its file where it is
// kept in one; empty when the hub is to make one.
func (i Identity) FirstPassword() (Secret, error) { return i.AdminPassword.orFile(i.AdminPasswordFile) }

// checkAddr says what is wrong with an address; what is empty when it is good.
func checkAddr(s string) (what, hint string) {
	if s == string(Off) {
		return "", ""
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		if _, err := strconv.ParseUint(s, 10, 16); err == nil {
			return fmt.Sprintf("%q has no host part", s), "write :" + s
		}
		if s != "" && !strings.ContainsAny(s, ":[] /") {
			return fmt.Sprintf("%q has no port", s), "write " + s + ":PORT, or off"
		}
		return fmt.Sprintf("%q is not host:port", s), "write 127.0.0.1:8080, :8080 for every interface, or off"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return fmt.Sprintf("port %q is not a number from 0 to 65535", port), "write the port in digits"
	}
	if strings.ContainsAny(host, " /@?#") || len(host) > 253 {
		return fmt.Sprintf("%q is not a host", host), "write a name or an IP address, without scheme or path"
	}
	return "", ""
}

// units of a duration, longest first where one begins like another.
func unit(u string) time.Duration {
	switch u {
	case "ms":
		return time.Millisecond
	case "s":
		return time.Second
	case "m":
		return time.Minute
	case "h":
		return time.Hour
	case "d":
		return day
	}
	return 0
}

// maxDuration is the longest that a setting may ask for: a hundred years.
const maxDuration = 36500 * day

// parseDuration reads 500ms, 30s, 5m, 12h, 30d, or several after one another as
// in 1h30m. Unlike time.ParseDuration it knows days, and no sign or fraction.
func parseDuration(s string) (d time.Duration, what, hint string) {
	rest, sum := s, time.Duration(0)
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		after := strings.TrimLeft(rest[digits:], "abcdefghijklmnopqrstuvwxyz")
		u := unit(rest[digits : len(rest)-len(after)])
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		if err != nil || u == 0 {
			return 0, fmt.Sprintf("%q is not a duration", s), durationHint(s)
		}
		if n > int64(maxDuration/u) || sum+time.Duration(n)*u > maxDuration {
			return 0, fmt.Sprintf("%q is too long", s), "write at most 36500d"
		}
		sum, rest = sum+time.Duration(n)*u, after
	}
	if s == "" {
		return 0, `"" is not a duration`, durationHint(s)
	}
	return sum, "", ""
}

// durationHint guesses what was meant: "5 min" → "write 5m".
func durationHint(s string) string {
	m := regexp.MustCompile(`^\s*(\d{1,9})\s*([A-Za-z]*|[分秒时時天日]\S*)\s*$`).FindStringSubmatch(s)
	if m == nil {
		return "write a number and a unit: 500ms, 30s, 5m, 12h or 30d"
	}
	var u string
	switch w := strings.ToLower(m[2]); {
	case w == "":
		return "say the unit: " + m[1] + "s, " + m[1] + "m, " + m[1] + "h or " + m[1] + "d"
	case strings.HasPrefix(w, "mil") || w == "ms" || w == "msec":
		u = "ms"
	case strings.HasPrefix(w, "s") || strings.HasPrefix(w, "秒"):
		u = "s"
	case strings.HasPrefix(w, "mo") || strings.HasPrefix(w, "y"):
		return "count months and years in days: 30d, 365d"
	case strings.HasPrefix(w, "w"):
		return "count weeks in days: 7d"
	case strings.HasPrefix(w, "m") || strings.HasPrefix(w, "分"):
		u = "m"
	case strings.HasPrefix(w, "h") || strings.HasPrefix(w, "时") || strings.HasPrefix(w, "時"):
		u = "h"
	case strings.HasPrefix(w, "d") || strings.HasPrefix(w, "天") || strings.HasPrefix(w, "日"):
		u = "d"
	default:
		return "the units are ms, s, m, h and d"
	}
	return "write " + m[1] + u
}

// FormatDuration writes a duration as the file has it: the largest units first,
// days included.
func FormatDuration(d time.Duration) string {
	if d < time.Millisecond {
		return "0s"
	}
	var b strings.Builder
	for _, u := range []string{"d", "h", "m", "s", "ms"} {
		if n := d / unit(u); n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u)
			d -= n * unit(u)
		}
	}
	return b.String()
}
