package streams

import (
	"encoding/hex"
	"errors"
	"strings"
)

// Source is how one stream of a camera is reached.
type Source struct {
	URL         URL
	Transport   Transport
	Fingerprint string // of its TLS certificate, see ParseFingerprint; "" trusts the system's roots
}

// Transport is how a camera's packets come.
type Transport string

// The transports. Auto is TCP, and UDP where the camera refuses that.
const (
	Auto Transport = "auto"
	TCP  Transport = "tcp"
	UDP  Transport = "udp"
)

// ParseTransport reads a transport; "" is Auto.
func ParseTransport(s string) (Transport, error) {
	switch t := Transport(strings.ToLower(s)); t {
	case "":
		return Auto, nil
	case Auto, TCP, UDP:
		return t, nil
	}
	return "", errors.New("the transport must be auto, tcp or udp")
}

// ParseFingerprint reads the SHA-256 of a certificate in DER, as tools print it:
// 64 hex digits, with or without colons. It returns them in lower case without.
func ParseFingerprint(s string) (string, error) {
	f := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s), ":", ""))
	if f == "" {
		return "", nil
	}
	if b, err := hex.DecodeString(f); err != nil || len(b) != 32 {
		return "", errors.New("the fingerprint must be the SHA-256 of the camera's certificate, 64 hex digits: `dongyue streams probe` prints it")
	}
	return f, nil
}
