package cap

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 7, 1, 8, 0, 0, 0, time.FixedZone("", 8*3600))

// pair makes a certificate of a sender.
func pair(t testing.TB, name string, bits int) tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func keysOf(t testing.TB, ps ...tls.Certificate) *Keys {
	t.Helper()
	k := &Keys{}
	for _, p := range ps {
		c, err := x509.ParseCertificate(p.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

func storm() *Message {
	expires := now.Add(6 * time.Hour)
	return &Message{
		Identifier: "51010041600000_20260701080000", Sender: "met@chengdu.example", Sent: now, Status: StatusActual, MsgType: Alert, Scope: "Public",
		Infos: []Info{{
			Language: "zh-CN", Categories: []string{"Met"}, Event: "暴雨", ResponseTypes: []string{"Shelter"}, Urgency: "Immediate", Severity: "Extreme", Certainty: "Observed",
			EventCodes: []Value{{"event", "11B03"}}, Expires: &expires, Headline: "暴雨红色预警", Description: "未来三小时雨量 > 100 毫米", Instruction: "请留在室内",
			Areas: []Area{{
				Desc: "东苑 & 西苑", Polygons: []Polygon{{{30, 104}, {30, 104.1}, {30.1, 104.1}, {30, 104}}},
				Circles: []Circle{{Point{30, 104}, 2}}, Geocodes: []Value{{"GB2260", "510107001"}},
			}},
		}},
	}
}

func signed(t testing.TB, p tls.Certificate, m *Message) []byte {
	t.Helper()
	s, err := NewSigner(p)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Sign(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSignedMessageIsRead(t *testing.T) {
	p := pair(t, "met@chengdu.example", 2048)
	b := signed(t, p, storm())
	m, err := keysOf(t, pair(t, "other", 2048), p).Open(b, now)
	if err != nil {
		t.Fatal(err)
	}
	want := storm()
	if string(m.XML()) != string(want.XML()) || !m.Grave() || m.Chinese().Headline != "暴雨红色预警" || m.Expired(now) || !m.Expired(now.Add(7*time.Hour)) {
		t.Errorf("got %s", m.XML())
	}
	again, err := NewSigner(p)
	if err != nil {
		t.Fatal(err)
	}
	b2, err := again.SignXML(b)
	if err != nil || !bytes.Equal(b, b2) {
		t.Errorf("signed twice it differs: %v", err)
	}
}

// curved makes a certificate of a sender on a curve.
func curved(t testing.TB, name string, c elliptic.Curve) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x := &x509.Certificate{SerialNumber: big.NewInt(8), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, x, x, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Signatures on curves are written as XML has them and read as others write them; what is
// older, shorter or of another key is not believed.
func TestSignaturesOnCurves(t *testing.T) {
	for name, c := range map[string]struct {
		curve  elliptic.Curve
		method string
		bytes  int
	}{
		"P-256": {elliptic.P256(), "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", 64},
		"P-384": {elliptic.P384(), "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384", 96},
	} {
		p := curved(t, "met@chengdu.example", c.curve)
		keys := keysOf(t, pair(t, "another@x", 2048), p)
		good := string(signed(t, p, storm()))
		_, rest, _ := strings.Cut(good, "<ds:SignatureValue>")
		value, _, _ := strings.Cut(rest, "</ds:SignatureValue>")
		if n := len(unbase64(value)); n != c.bytes || !strings.Contains(good, `Algorithm="`+c.method+`"`) {
			t.Errorf("%s: a value of %d bytes in %s", name, n, good)
		}
		if m, err := keys.Open([]byte(good), now); err != nil || m.Identifier != storm().Identifier {
			t.Errorf("%s: %v", name, err)
		}
		pretty := strings.Replace(good, value, "\n   "+value[:20]+"\n   "+value[20:]+"\n  ", 1)
		if _, err := keys.Open([]byte(pretty), now); err != nil {
			t.Errorf("%s, written prettily: %v", name, err)
		}
		other := string(signed(t, curved(t, "met@chengdu.example", c.curve), storm()))
		for what, b := range map[string]string{
			"changed":      strings.Replace(good, "暴雨红色预警", "暴雨蓝色预警", 1),
			"another key":  other,
			"SHA-1":        strings.Replace(good, c.method, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1", 1),
			"as RSA":       strings.Replace(good, c.method, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", 1),
			"no value":     strings.Replace(good, value, "", 1),
			"a short one":  strings.Replace(good, value, value[:40], 1),
			"zeros":        strings.Replace(good, value, strings.Repeat("A", len(value)-2)+"==", 1),
			"no such part": strings.Replace(strings.Replace(good, "<ds:SignatureValue>", "<ds:KeyName>", 1), "</ds:SignatureValue>", "</ds:KeyName>", 1),
		} {
			if m, err := keys.Open([]byte(b), now); m != nil || !errors.Is(err, ErrSignature) && !errors.Is(err, ErrUnknown) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
	for _, c := range []elliptic.Curve{elliptic.P224(), elliptic.P521()} {
		x, err := x509.ParseCertificate(curved(t, "a", c).Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		if (&Keys{}).Add(x) == nil {
			t.Errorf("%s was taken", c.Params().Name)
		}
	}
}

func TestPolygonsOfTheEarth(t *testing.T) {
	for s, want := range map[string]string{
		"30,104 30,104.1 30.1,104.1 30,104":                   "",
		"30,104 30,104 30,104.1 30.1,104.1 30.1,104.1 30,104": "", // corners that are told twice
		"-17,178 -17,-178 -19,-178 -19,178 -17,178":           "", // Fiji, on both sides of the date line
		"-60,-180 60,-180 60,180 -60,180 -60,-180":            "", // around the earth
		"30,104 30,104 30,104 30,104":                         "fewer",
		"30,104 30,104.1 30.1,104.1 30.1,104":                 "not closed",
		"30,104 30.1,104.1 30,104.1 30.1,104 30,104":          "crosses",
		"-17,178 -19,-178 -17,-178 -19,178 -17,178":           "crosses", // on both sides of the date line
		"80,0 80,120 80,-120 80,0":                            "crosses", // around the pole
		"NaN,104 30,104.1 30.1,104.1 NaN,104":                 "not on the earth",
		"30,104 30,104.1 91,104.1 30,104":                     "not on the earth",
		"30,104 30,181 30.1,104.1 30,104":                     "not on the earth",
		"30,104 30,104.1 30.1 30,104":                         "no point",
	} {
		_, err := parsePolygon(s)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", s, err, want)
		}
	}
}

// What is not exactly what the sender signed is not believed.
func TestForgeries(t *testing.T) {
	p := pair(t, "met@chengdu.example", 2048)
	keys := keysOf(t, p)
	good := string(signed(t, p, storm()))
	swap := func(old, by string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q in %s", old, good)
		}
		return strings.Replace(good, old, by, 1)
	}
	sig := good[strings.Index(good, "<ds:Signature"):strings.Index(good, "</alert>")]
	evil := strings.Replace(string(storm().XML()), "暴雨红色预警", "全体撤离", 1)
	evilBody := strings.TrimSuffix(evil[strings.Index(evil, "<identifier>"):], "</alert>")
	for name, c := range map[string]struct {
		b    string
		want error
	}{
		"changed text":          {swap("暴雨红色预警", "暴雨蓝色预警"), ErrSignature},
		"changed status":        {swap("<status>Actual", "<status>Exercise"), ErrSignature},
		"unsigned":              {string(storm().XML()), ErrUnsigned},
		"unknown key":           {string(signed(t, pair(t, "met@chengdu.example", 2048), storm())), ErrUnknown},
		"another's sender":      {string(signed(t, p, func() *Message { m := storm(); m.Sender = "fire@x"; return m }())), ErrSender},
		"signature cut":         {swap("<ds:SignatureValue>", "<ds:SignatureValue>AA"), ErrSignature},
		"two signatures":        {strings.Replace(good, "</alert>", sig+"</alert>", 1), ErrSignature},
		"signature in the info": {strings.Replace(strings.Replace(good, sig, "", 1), "</info>", sig+"</info>", 1), ErrSignature},
		"wrapped: signed alert in the signature": {
			`<alert xmlns="` + Namespace + `">` + evilBody + strings.Replace(sig, "</ds:Signature>", "<ds:Object>"+good[strings.Index(good, "<alert"):]+"</ds:Object></ds:Signature>", 1) + `</alert>`, ErrSignature,
		},
		"wrapped: evil around the good": {`<alert xmlns="` + Namespace + `">` + evilBody + good[strings.Index(good, "<alert"):] + `</alert>`, ErrSignature},
		"wrapped: an id":                {swap("<alert ", `<alert ID="a" `), ErrSignature},
		"reference to elsewhere":        {swap(`URI=""`, `URI="#a"`), ErrSignature},
		"SHA-1":                         {swap("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"), ErrSignature},
		"no transforms":                 {swap(`<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>`, ""), ErrSignature},
	} {
		m, err := keys.Open([]byte(c.b), now)
		if !errors.Is(err, c.want) || m != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := keys.Open([]byte(good), now.Add(48*time.Hour)); !errors.Is(err, ErrSignature) {
		t.Errorf("certificate that has ended: %v", err)
	}
	if m, err := keys.Open([]byte(good), now); err != nil || m == nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestBadMessages(t *testing.T) {
	good := string(storm().XML())
	swap := func(old, by string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q", old)
		}
		return strings.Replace(good, old, by, 1)
	}
	for name, c := range map[string]struct{ b, want string }{
		"nothing":               {"", "roots"},
		"a page":                {"<html></html>", "not CAP 1.2"},
		"DTD":                   {`<!DOCTYPE alert SYSTEM "http://evil/x.dtd">` + good, "DTD"},
		"external entity":       {`<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + swap("暴雨红色预警", "&x;"), "DTD"},
		"unknown entity":        {swap("暴雨红色预警", "&x;"), "entity"},
		"processing":            {swap("<info>", "<?php x?><info>"), "processing instruction"},
		"CAP 1.1":               {strings.Replace(good, "cap:1.2", "cap:1.1", 1), "not CAP 1.2"},
		"foreign namespace":     {swap("<info>", `<x xmlns="urn:x"/><info>`), "not CAP 1.2"},
		"unknown element":       {swap("<scope>", "<color>red</color><scope>"), "alert/scope"},
		"wrong order":           {strings.Replace(swap("<scope>Public</scope>", ""), "<status>", "<scope>Public</scope><status>", 1), "alert/status"},
		"status":                {swap("Actual", "actual"), "alert/status"},
		"time in Z":             {swap("+08:00</sent>", "Z</sent>"), "alert/sent"},
		"identifier":            {swap("51010041600000_", "5101 "), "alert/identifier"},
		"severity":              {swap("Extreme", "Huge"), "alert/info[1]/severity"},
		"no event":              {swap("<event>暴雨</event>", ""), "alert/info[1]/event"},
		"self-crossing":         {swap("30.000000,104.000000 30.000000,104.100000 30.100000,104.100000 30.000000,104.000000", "30,104 31,105 30,105 31,104 30,104"), "crosses itself"},
		"open polygon":          {swap("30.100000,104.100000 30.000000,104.000000<", "30.100000,104.100000 30.000000,104.050000<"), "not closed"},
		"two points":            {swap("30.000000,104.000000 30.000000,104.100000 30.100000,104.100000 30.000000,104.000000", "30,104 30,104"), "fewer than four"},
		"off the earth":         {swap("30.100000,104.100000", "130.1,104.1"), "not on the earth"},
		"not a number":          {swap("30.100000,104.100000", "NaN,104.1"), "not on the earth"},
		"circle":                {swap("104.000000 2.000", "104.000000 -2"), "radius"},
		"text in between":       {swap("<info>", "hello<info>"), "text between"},
		"update of nothing":     {swap("<msgType>Alert", "<msgType>Update"), "alert/references"},
		"references":            {swap("<msgType>Alert</msgType><scope>Public</scope>", "<msgType>Cancel</msgType><scope>Public</scope><references>a,b</references>"), "alert/references"},
		"two roots":             {good + good, "2 roots"},
		"latin 1":               {string([]byte{'<', 0xe9, '>'}), "UTF-8"},
		"deep":                  {strings.Repeat(`<alert xmlns="`+Namespace+`">`, 20), "deeply"},
		"many elements":         {`<alert xmlns="` + Namespace + `">` + strings.Repeat("<code/>", 6000), "elements"},
		"element in a text":     {swap("暴雨红色预警", "<web/>"), "elements in it"},
		"unclosed":              {strings.TrimSuffix(good, "</alert>"), "XML"},
		"an attribute too many": {swap("<info>", `<info a="1" b="1" c="1" d="1" e="1" f="1" g="1" h="1" i="1">`), "attributes"},
	} {
		_, err := Parse([]byte(c.b))
		var form *FormError
		if !errors.As(err, &form) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := Parse(make([]byte, 10<<20)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("10 MB: %v", err)
	}
	if _, err := Parse([]byte(good)); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestKeysOfAFolder(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, c tls.Certificate) {
		b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("a.pem", pair(t, "a", 2048))
	k, err := LoadKeys(dir)
	if err != nil || strings.Join(k.Senders(), ",") != "a" {
		t.Errorf("%v %v", k, err)
	}
	put("b.pem", pair(t, "b", 1024))
	if _, err := LoadKeys(dir); err == nil {
		t.Error("a short key was taken")
	}
	if _, err := LoadKeys(filepath.Join(dir, "none")); err == nil {
		t.Error("no folder, no error")
	}
}

// FuzzOpen: no bytes panic the reader, and none that were not signed are believed.
func FuzzOpen(f *testing.F) {
	p := pair(f, "met@chengdu.example", 2048)
	good := signed(f, p, storm())
	f.Add(good)
	f.Add(storm().XML())
	f.Add([]byte(`<alert xmlns="` + Namespace + `"><ds:Signature xmlns:ds="` + signature + `"/></alert>`))
	keys := keysOf(f, p)
	want := string(storm().XML())
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := Parse(b); err == nil {
			if _, err := Parse(m.XML()); err != nil {
				t.Fatalf("what was read can't be written: %v", err)
			}
		}
		if m, err := keys.Open(b, now); err == nil && string(m.XML()) != want {
			t.Fatalf("believed %s", m.XML())
		}
	})
}

// TestUTC is written as -00:00 (CAP 1.2, 3.3.2), so that a reference is what its sender wrote.
func TestUTC(t *testing.T) {
	at := time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)
	m := Message{Identifier: "b", Sender: "hub", Sent: at, Status: StatusActual, MsgType: Ack, Scope: "Private", References: []Reference{{"met", "a", at}}}
	b := string(m.XML())
	if !strings.Contains(b, "<sent>2026-07-01T08:00:00-00:00</sent>") || !strings.Contains(b, "met,a,2026-07-01T08:00:00-00:00</references>") {
		t.Errorf("%s", b)
	}
	if back, err := Parse([]byte(b)); err != nil || !back.Sent.Equal(at) {
		t.Errorf("%v", err)
	}
}
