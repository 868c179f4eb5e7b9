package rtsp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"

	"dongyue/streams"
)

// selfSigned makes a certificate as cameras have it, and its fingerprint.
func selfSigned(t *testing.T) (*tls.Config, *x509.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "camera"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}, &x509.Certificate{SerialNumber: big.NewInt(1)}, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, cert, hex.EncodeToString(sum[:])
}

func TestCertificates(t *testing.T) {
	config, cert, print := selfSigned(t)
	_, _, other := selfSigned(t)
	q := newQuirky(t, config, nil)
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	for _, c := range []struct {
		name, pin string
		tls       *tls.Config
		says      string // "" for a picture
	}{
		{"nobody knows it", "", nil, "its fingerprint is " + print},
		{"pinned", print, nil, ""},
		{"another one is pinned", other, nil, "its fingerprint is " + print + ", which is not"},
		{"its authority is known", "", &tls.Config{RootCAs: roots}, ""},
		{"somebody wants no check", "", &tls.Config{InsecureSkipVerify: true}, ""},
		{"no check, but pinned to another", other, &tls.Config{InsecureSkipVerify: true}, "which is not"},
	} {
		p, err := New(Options{TLS: c.tls})
		if err != nil {
			t.Fatal(err)
		}
		err = filmBy(p, streams.Source{URL: streams.URL("rtsps://" + q.addr + "/x"), Fingerprint: c.pin})
		if (err == nil) != (c.says == "") || err != nil && (!errors.Is(err, streams.ErrCertificate) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// locked is the library's own server with a password.
func locked(t *testing.T, methods []auth.VerifyMethod, udp bool) *server {
	t.Helper()
	s := &server{playing: make(chan struct{}), user: "admin"}
	s.rtsp = &gortsplib.Server{Handler: s, RTSPAddress: "127.0.0.1:0", AuthMethods: methods, Listen: func(network, addr string) (net.Listener, error) {
		l, err := net.Listen(network, addr)
		if err == nil {
			s.addr = l.Addr().String()
		}
		return l, err
	}}
	if udp {
		s.rtsp.UDPRTPAddress, s.rtsp.UDPRTCPAddress = twoPorts(t)
	}
	if err := s.rtsp.Start(); err != nil {
		t.Fatal(err)
	}
	s.stream = &gortsplib.ServerStream{Server: s.rtsp, Desc: &description.Session{Medias: []*description.Media{{Type: description.MediaTypeVideo, Formats: []format.Format{h264()}}}}}
	if err := s.stream.Initialize(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.stream.Close()
		s.rtsp.Close()
	})
	return s
}

// twoPorts finds an even port whose successor is free too, as RTP wants them.
func twoPorts(t *testing.T) (rtp, rtcp string) {
	t.Helper()
	for range 100 {
		a, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		port := a.LocalAddr().(*net.UDPAddr).Port //nolint:forcetypeassert // of a UDP socket
		_ = a.Close()
		b, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port + 1})
		if err != nil || port%2 == 1 {
			continue
		}
		_ = b.Close()
		x := (&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}).String()
		y := (&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port + 1}).String()
		return x, y
	}
	t.Fatal("no two ports are free")
	return "", ""
}

func TestServersPasswordAndTransport(t *testing.T) {
	for _, c := range []struct {
		name      string
		method    auth.VerifyMethod
		transport streams.Transport
	}{
		{"MD5 over TCP", auth.VerifyMethodDigestMD5, streams.TCP},
		{"SHA-256 over TCP", auth.VerifyMethodDigestSHA256, streams.Auto},
		{"basic over TCP", auth.VerifyMethodBasic, streams.TCP},
		{"SHA-256 over UDP", auth.VerifyMethodDigestSHA256, streams.UDP},
	} {
		s := locked(t, []auth.VerifyMethod{c.method}, c.transport == streams.UDP)
		stop := make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := uint16(0); ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
					s.write(i, uint32(i)*3600, true, []byte{0x65, 1, 2, 3})
				}
			}
		}()
		if err := film(t, streams.Source{URL: streams.URL("rtsp://admin:secret@" + s.addr + "/x"), Transport: c.transport}); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		close(stop)
		<-done
	}
}
