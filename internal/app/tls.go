package app

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"dongyue/devices"
	"dongyue/internal/pki"
)

// serverTLS reads the certificate of the screens; nil where none is named.
func serverTLS(cert, key string) (*tls.Config, error) {
	if cert == "" && key == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, ConfigError{fmt.Errorf("certificate %s: %w", cert, err)}
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// deviceTLS is the listener for devices: TLS 1.3, with the certificate that is
// named or one of the hub's own authority. Clients may show a certificate of
// that authority or of the one that is named.
func (a *App) deviceTLS() (*tls.Config, error) {
	c := a.o.Config.MQTT
	if a.pki == nil {
		return nil, nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS13, ClientAuth: tls.VerifyClientCertIfGiven}
	if c.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, ConfigError{fmt.Errorf("certificate %s: %w", c.Cert, err)}
		}
		t.Certificates = []tls.Certificate{pair}
	} else {
		t.GetCertificate = a.pki.Server(a.o.Config.WebRTC.Hosts)
	}
	var others []byte
	if c.ClientCA != "" {
		var err error
		if others, err = os.ReadFile(c.ClientCA); err != nil {
			return nil, ConfigError{fmt.Errorf("client authority: %w", err)}
		}
	}
	pool, err := a.pki.Pool(others)
	if err != nil {
		return nil, ConfigError{fmt.Errorf("client authority %s: %w", c.ClientCA, err)}
	}
	t.ClientCAs = pool
	return t, nil
}

// issuer is the authority in the registry's words; nil where there is none.
func (a *App) issuer() devices.Issuer {
	if a.pki == nil {
		return nil
	}
	return issuer{a.pki}
}

type issuer struct{ pki *pki.Authority }

func (i issuer) Issue(name, uri string, request []byte, life time.Duration) (devices.Issued, error) {
	x, err := i.pki.Issue(name, uri, request, life)
	return devices.Issued(x), err
}

func (i issuer) Made(c *x509.Certificate) bool { return i.pki.Made(c) }

func (i issuer) Authority() []byte { return i.pki.Authority() }
