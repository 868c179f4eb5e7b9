package broker

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"
	mqtt3 "github.com/eclipse/paho.mqtt.golang"
)

func ports(h *house) (host, port string) {
	host, port, _ = net.SplitHostPort(h.Addr().String())
	return host, port
}

func eclipse(t *testing.T, h *house, program, id string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed; `make tools` installs it", program)
	}
	host, port := ports(h)
	cmd := exec.CommandContext(t.Context(), path, append([]string{"-h", host, "-p", port, "-i", id, "-u", id, "-P", "secret-" + id}, args...)...)
	return cmd
}

func TestMosquittoClients(t *testing.T) {
	for _, version := range []string{"mqttv311", "mqttv5"} {
		for _, qos := range []string{"0", "1", "2"} {
			t.Run(version+" qos "+qos, func(t *testing.T) {
				h := start(t)
				sub := eclipse(t, h, "mosquitto_sub", "int-1", "-V", version, "-q", qos, "-t", "dy/v1/#", "-C", "2", "-v", "-W", "10") //nolint:misspell // a name
				var out strings.Builder
				sub.Stdout = &out
				if err := sub.Start(); err != nil {
					t.Fatal(err)
				}
				eventually(t, "subscribed", func() bool {
					return h.audience.Load() == 1
				})
				pub := eclipse(t, h, "mosquitto_pub", "lamp-1", "-V", version, "-q", qos, "-t", "dy/v1/lamp/lamp-1/telemetry", "-l") //nolint:misspell // a name
				pub.Stdin = strings.NewReader("one\ntwo\n")
				if b, err := pub.CombinedOutput(); err != nil {
					t.Fatalf("publish: %v %s", err, b)
				}
				if err := sub.Wait(); err != nil || out.String() != "dy/v1/lamp/lamp-1/telemetry one\ndy/v1/lamp/lamp-1/telemetry two\n" {
					t.Fatalf("subscriber: %v %q", err, out.String())
				}
			})
		}
	}
	t.Run("wrong secret", func(t *testing.T) {
		h := start(t)
		if b, err := eclipse(t, h, "mosquitto_pub", "lamp-1", "-P", "x", "-t", "dy/v1/lamp/lamp-1/telemetry", "-m", "x").CombinedOutput(); err == nil { //nolint:misspell // a name
			t.Fatalf("let in: %s", b)
		}
	})
}

// The usual client of Go programs, 3.1.1: a device with a will, commands and a
// reconnect of its own.
func TestPaho3(t *testing.T) {
	h := start(t)
	commands := make(chan string, 10)
	o := mqtt3.NewClientOptions().AddBroker("tcp://"+h.Addr().String()).SetClientID("door-1").SetUsername("door-1").SetPassword("secret-door-1").
		SetBinaryWill("dy/v1/door/door-1/presence", []byte(`{"online":false}`), 1, true).SetOrderMatters(false).
		SetConnectRetryInterval(50 * time.Millisecond).SetMaxReconnectInterval(100 * time.Millisecond)
	o.SetOnConnectHandler(func(c mqtt3.Client) {
		c.Subscribe(doorCommand, 1, func(_ mqtt3.Client, m mqtt3.Message) { commands <- string(m.Payload()) })
	})
	c := mqtt3.NewClient(o)
	if tok := c.Connect(); !tok.WaitTimeout(testPatience) || tok.Error() != nil {
		t.Fatal(tok.Error())
	}
	defer c.Disconnect(0)
	for qos := range byte(3) {
		if tok := c.Publish(doorEvent, qos, false, fmt.Sprint(qos)); !tok.WaitTimeout(testPatience) || tok.Error() != nil {
			t.Fatal(tok.Error())
		}
	}
	command := func(text string) {
		t.Helper()
		eventually(t, "command accepted", func() bool { return h.Publish(doorCommand, []byte(text), 1, false, time.Minute) == nil })
		if got := <-commands; got != text {
			t.Fatalf("got %s", got)
		}
	}
	command("one")
	h.Drop("door-1")
	eventually(t, "back again", func() bool { return h.seen.count("connected door-1") == 2 })
	command("two")
	eventually(t, "all stored", func() bool { return len(h.sink.all()) == 4 }) // three events and the will
}

func TestPaho5(t *testing.T) {
	h := start(t)
	client := func(id string, got chan<- *paho.Publish) *paho.Client {
		t.Helper()
		nc, err := net.Dial("tcp", h.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		cfg := paho.ClientConfig{Conn: nc}
		if got != nil {
			cfg.OnPublishReceived = []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) { got <- p.Packet; return true, nil }}
		}
		c := paho.NewClient(cfg)
		ack, err := c.Connect(t.Context(), &paho.Connect{
			ClientID: id, CleanStart: true, KeepAlive: 30, Username: id, UsernameFlag: true, Password: []byte("secret-" + id), PasswordFlag: true,
		})
		if err != nil || ack.ReasonCode != 0 {
			t.Fatalf("connect %s: %+v %v", id, ack, err)
		}
		p := ack.Properties
		if p.MaximumPacketSize == nil || *p.MaximumPacketSize != maxPublish || p.ReceiveMaximum == nil || *p.ReceiveMaximum != inFlight || !p.SharedSubAvailable {
			t.Fatalf("CONNACK %+v", p)
		}
		t.Cleanup(func() { _ = c.Disconnect(&paho.Disconnect{}) })
		return c
	}
	got := make(chan *paho.Publish, 100)
	integrator := client("int-1", got)
	if _, err := integrator.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "dy/v1/#", QoS: 2}}}); err != nil {
		t.Fatal(err)
	}
	if ack, err := integrator.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "#", QoS: 1}}}); err == nil || ack.Reasons[0] != 0x87 {
		t.Fatalf("'#': %+v %v", ack, err)
	}
	door := client("door-1", nil)
	for qos := range byte(3) {
		for i := range 10 {
			resp, err := door.Publish(t.Context(), &paho.Publish{
				Topic: doorEvent, QoS: qos, Payload: fmt.Appendf(nil, "%d-%d", qos, i),
				Properties: &paho.PublishProperties{ContentType: "application/json", User: paho.UserProperties{{Key: "n", Value: fmt.Sprint(i)}}},
			})
			if err != nil {
				t.Fatalf("QoS %d: %+v %v", qos, resp, err)
			}
			m := <-got
			if string(m.Payload) != fmt.Sprintf("%d-%d", qos, i) || m.Properties.User.Get("n") != fmt.Sprint(i) || m.QoS != qos {
				t.Fatalf("got %+v", m)
			}
		}
	}
	if resp, err := door.Publish(t.Context(), &paho.Publish{Topic: "dy/v1/door/door-2/event", QoS: 1}); err == nil || resp.ReasonCode != 0x87 {
		t.Fatalf("other device: %+v %v", resp, err)
	}
}

// authority makes certificates for the test.
func authority(t *testing.T) (pool *x509.CertPool, issue func(name string) tls.Certificate) {
	t.Helper()
	key := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	caKey := key()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	ca, _ = x509.ParseCertificate(der)
	pool = x509.NewCertPool()
	pool.AddCert(ca)
	return pool, func(name string) tls.Certificate {
		k := key()
		c := &x509.Certificate{
			SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		}
		der, err := x509.CreateCertificate(rand.Reader, c, ca, k.Public(), caKey)
		if err != nil {
			t.Fatal(err)
		}
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: k}
	}
}

func TestTLS(t *testing.T) {
	pool, issue := authority(t)
	_, forge := authority(t)
	h := start(t, func(o *Options) {
		o.TLSAddr = "127.0.0.1:0"
		o.TLS = &tls.Config{Certificates: []tls.Certificate{issue("hub")}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: pool, MinVersion: tls.VersionTLS10}
		o.Limits.Hello = 500 * time.Millisecond
	})
	connect := func(client, password string, certs ...tls.Certificate) error {
		cfg := &tls.Config{RootCAs: pool, ServerName: "hub", Certificates: certs}
		o := mqtt3.NewClientOptions().AddBroker("ssl://" + h.TLSAddr().String()).SetClientID(client).SetUsername(client).SetPassword(password).
			SetTLSConfig(cfg).SetAutoReconnect(false).SetConnectTimeout(testPatience)
		c := mqtt3.NewClient(o)
		tok := c.Connect()
		if !tok.WaitTimeout(testPatience) {
			return context.DeadlineExceeded
		}
		if tok.Error() != nil {
			return tok.Error()
		}
		defer c.Disconnect(0)
		tok = c.Publish("dy/v1/door/"+client+"/event", 1, false, "x")
		tok.WaitTimeout(testPatience)
		return tok.Error()
	}
	if err := connect("door-1", "secret-door-1"); err != nil {
		t.Errorf("by secret: %v", err)
	}
	if err := connect("door-2", "", issue("door-2")); err != nil {
		t.Errorf("by certificate: %v", err)
	}
	if connect("door-3", "", issue("door-2")) == nil {
		t.Error("let in with the certificate of another")
	}
	if connect("door-3", "secret-door-3", issue("door-2")) == nil {
		t.Error("let in with a secret and the certificate of another")
	}
	if connect("door-2", "", forge("door-2")) == nil {
		t.Error("let in with a certificate of another authority")
	}
	if nc, err := tls.Dial("tcp", h.TLSAddr().String(), &tls.Config{RootCAs: pool, ServerName: "hub", MaxVersion: tls.VersionTLS12}); err == nil { //nolint:gosec // is to be refused
		t.Error("TLS 1.2 is spoken")
		_ = nc.Close()
	}
	if n := len(h.sink.all()); n != 2 {
		t.Errorf("%d stored", n)
	}
	// A socket that never begins its handshake is closed in time.
	nc, err := net.Dial("tcp", h.TLSAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = nc.SetReadDeadline(time.Now().Add(testPatience))
	if _, err := nc.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("silent socket: %v", err)
	}
	_ = nc.Close()
}

// Many devices at once, each with its own order of acknowledgement.
func TestManyDevices(t *testing.T) {
	h := start(t)
	var wg sync.WaitGroup
	for d := range 40 {
		wg.Go(func() {
			id := fmt.Sprintf("lamp-%d", d)
			r := loggedIn(t, h, 4+byte(d%2), id, connectOptions{})
			for i := range uint16(50) {
				r.publish("dy/v1/lamp/"+id+"/event", "x", 1, i+1, 0)
			}
			for i := range uint16(50) {
				r.expect(0x4, i+1, 0)
			}
		})
	}
	wg.Wait()
	if n := len(h.sink.all()); n != 2000 {
		t.Fatalf("%d stored", n)
	}
}
