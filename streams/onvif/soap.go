package onvif

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // as the standard has it
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"dongyue/streams"
)

// Namespaces of the services (ONVIF Core, 5.3).
const (
	nsDevice = "http://www.onvif.org/ver10/device/wsdl"
	nsMedia  = "http://www.onvif.org/ver10/media/wsdl"
	nsMedia2 = "http://www.onvif.org/ver20/media/wsdl"
	nsPTZ    = "http://www.onvif.org/ver20/ptz/wsdl"
	nsEvents = "http://www.onvif.org/ver10/events/wsdl"
	nsSchema = "http://www.onvif.org/ver10/schema"
	nsNotify = "http://docs.oasis-open.org/wsn/b-2"
	nsWSA    = "http://www.w3.org/2005/08/addressing"
)

// Fault is a refusal by the camera (SOAP 1.2, 5.4).
type Fault struct {
	Code   string // as "ter:NotAuthorized", the innermost there is
	Reason string
}

func (f *Fault) Error() string {
	if f.Reason == "" {
		return "the camera refuses: " + f.Code
	}
	return fmt.Sprintf("the camera refuses: %s (%s)", f.Reason, f.Code)
}

// escape makes a text safe between tags and in attributes.
func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // to memory
	return b.String()
}

// envelope wraps a body; header has further headers.
func (c *Client) envelope(header, body string, signed bool) []byte {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header>` + header)
	if signed && c.account != nil {
		b.WriteString(token(c.account.User, c.account.Password, time.Now().Add(c.offset), nonce()))
	}
	b.WriteString(`</s:Header><s:Body xmlns:tt="` + nsSchema + `">` + body + `</s:Body></s:Envelope>`)
	return b.Bytes()
}

func nonce() []byte {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return b
}

// token is the user name token with a digest (WS-Security UsernameToken 1.0, 3.1):
// SHA-1 over nonce, time and password. The time is the camera's own, since one
// whose clock is wrong refuses everybody else's.
func token(user, password string, at time.Time, nonce []byte) string {
	const wsse = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	const wsu = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	const profile = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
	const binary = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
	created := at.UTC().Format("2006-01-02T15:04:05.000Z")
	h := sha1.New() //nolint:gosec // as above
	h.Write(nonce)
	h.Write([]byte(created + password))
	return `<wsse:Security s:mustUnderstand="1" xmlns:wsse="` + wsse + `" xmlns:wsu="` + wsu + `"><wsse:UsernameToken><wsse:Username>` + escape(user) +
		`</wsse:Username><wsse:Password Type="` + profile + `">` + base64.StdEncoding.EncodeToString(h.Sum(nil)) +
		`</wsse:Password><wsse:Nonce EncodingType="` + binary + `">` + base64.StdEncoding.EncodeToString(nonce) +
		`</wsse:Nonce><wsu:Created>` + created + `</wsu:Created></wsse:UsernameToken></wsse:Security>`
}

// request is one call.
type request struct {
	to     string // address of the service
	action string // as "http://www.onvif.org/ver10/media/wsdl/GetProfiles"
	header string
	body   string
	open   bool // without user and password
	within time.Duration
}

// call sends a request and returns the first element of the answer's body.
func (c *Client) call(ctx context.Context, r request) (*node, error) {
	if r.within == 0 {
		r.within = callTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, r.within)
	defer cancel()
	name := r.action[strings.LastIndexByte(r.action, '/')+1:]
	status, challenges, b, err := c.post(ctx, r)
	if err == nil && status == http.StatusUnauthorized && c.account != nil && !r.open {
		c.mu.Lock()
		again, scheme := c.account.Take(challenges)
		c.mu.Unlock()
		switch {
		case scheme != nil:
			return nil, fmt.Errorf("%s: %w: %w", name, streams.ErrAuth, scheme)
		case again:
			status, _, b, err = c.post(ctx, r)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	n, err := answer(status, b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return n, nil
}

func (c *Client) post(ctx context.Context, r request) (status int, challenges []string, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.to, bytes.NewReader(c.envelope(r.header, r.body, !r.open)))
	if err != nil {
		return 0, nil, nil, errors.New("the address can't be read")
	}
	req.Header.Set("Content-Type", `application/soap+xml; charset=utf-8; action="`+r.action+`"`)
	req.Header.Set("User-Agent", "dongyue")
	if c.account != nil && !r.open {
		c.mu.Lock()
		if a := c.account.Authorization(http.MethodPost, req.URL.RequestURI()); a != "" {
			req.Header.Set("Authorization", a)
		}
		c.mu.Unlock()
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, nil, unreachable(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return 0, nil, nil, unreachable(err)
	}
	if resp.StatusCode != http.StatusUnauthorized && c.account != nil && !r.open {
		c.mu.Lock()
		c.account.Accepted()
		c.mu.Unlock()
	}
	return resp.StatusCode, resp.Header.Values("WWW-Authenticate"), body, nil
}

// answer reads an answer: the first element of its body, or the fault in it.
func answer(status int, b []byte) (*node, error) {
	root, err := parseXML(b)
	if err != nil || root.name != "Envelope" {
		switch status {
		case http.StatusUnauthorized, http.StatusForbidden:
			return nil, streams.ErrAuth
		case http.StatusOK:
			if err == nil {
				err = errXML
			}
			return nil, err
		}
		return nil, fmt.Errorf("the camera answers %d %s", status, http.StatusText(status))
	}
	body := root.at("Body")
	if body == nil || len(body.kids) == 0 {
		return nil, fmt.Errorf("%w: its body is empty", errXML)
	}
	if f := body.at("Fault"); f != nil {
		return nil, fault(f)
	}
	if status == http.StatusUnauthorized {
		return nil, streams.ErrAuth
	}
	return body.kids[0], nil
}

func fault(f *node) error {
	x := &Fault{Code: f.say("Code", "Value"), Reason: brief(f.say("Reason", "Text"))}
	for sub := f.at("Code", "Subcode"); sub != nil; sub = sub.at("Subcode") {
		x.Code = sub.say("Value")
	}
	if x.Code == "" { // SOAP 1.1, as some old cameras answer
		x.Code, x.Reason = f.say("faultcode"), brief(f.say("faultstring"))
	}
	// Makers disagree on the name; what they mean is the same.
	for _, name := range []string{"NotAuthorized", "FailedAuthentication", "FailedCheck", "InvalidSecurity"} {
		if strings.HasSuffix(x.Code, name) {
			return fmt.Errorf("%w: %w", streams.ErrAuth, x)
		}
	}
	return x
}
