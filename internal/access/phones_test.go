package access

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"

	"dongyue/internal/web"
)

// at asks the hub under a host name, as a browser does.
func (h *house) at(host string, status int, method, path, body, cookie string) map[string]any {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.srv.URL+"/api/v1"+path, strings.NewReader(body))
	h.must(err)
	r.Host = host
	r.Header.Set("Content-Type", "application/json")
	r.AddCookie(&http.Cookie{Name: web.SessionCookie, Value: cookie})
	res, err := http.DefaultClient.Do(r)
	h.must(err)
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	h.must(err)
	var v map[string]any
	if len(raw) > 0 {
		h.must(json.Unmarshal(raw, &v))
	}
	if res.StatusCode != status {
		h.t.Fatalf("%s %s: %d %s, want %d", method, path, res.StatusCode, raw, status)
	}
	return v
}

func options(t *testing.T, v map[string]any) string {
	t.Helper()
	raw, err := json.Marshal(v["options"])
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// phoneKeyPair makes a key as phones do: a coordinate has 32 bytes (RFC 9053, 7.1.1). The
// virtual phone leaves leading zeros out, one time in 128, and such a key is rightly refused.
func phoneKeyPair() virtualwebauthn.Credential {
	const encoded = 77 // bytes of a COSE key on P-256
	for {
		if c := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(c.Key.AttestationData()) == encoded {
			return c
		}
	}
}

func TestAPhoneProvesItself(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	_, err := h.AddRight(ctx, "test", RightInfo{Person: id, Door: "gate"})
	h.must(err)
	me := h.login("chen", web.Resident, id)
	h.must(h.SetDoorPolicy(ctx, "test", DoorPolicy{Door: "door-1", PhoneProof: true}))
	const host = "hub.example.com"
	site := virtualwebauthn.RelyingParty{Name: "Dongyue Hub", ID: host, Origin: "https://" + host}
	phone, key := virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: []byte(id)}), phoneKeyPair()

	h.at(host, 202, "POST", "/home/doors/gate/open", "", me) // asks for no proof
	if p := h.at(host, 403, "POST", "/home/doors/door-1/open", "", me); p["code"] != "home.phone_unproven" {
		t.Fatalf("got %v", p)
	}
	h.at(host, 404, "POST", "/home/doors/door-1/prove", "{}", me)

	register := func(rp virtualwebauthn.RelyingParty, status int) {
		t.Helper()
		o, err := virtualwebauthn.ParseAttestationOptions(options(t, h.at(host, 200, "POST", "/home/phones/begin", "{}", me)))
		h.must(err)
		body := `{"name":"我的手机","response":` + virtualwebauthn.CreateAttestationResponse(rp, phone, key, *o) + `}`
		h.at(host, status, "POST", "/home/phones", body, me)
		if status == 201 { // the same answer again is none
			h.at(host, 403, "POST", "/home/phones", body, me)
		}
	}
	register(virtualwebauthn.RelyingParty{Name: "x", ID: "evil.example.com", Origin: "https://evil.example.com"}, 403)
	register(site, 201)
	phone.AddCredential(key)

	prove := func(door string, rp virtualwebauthn.RelyingParty) string {
		t.Helper()
		o, err := virtualwebauthn.ParseAssertionOptions(options(t, h.at(host, 200, "POST", "/home/doors/"+door+"/prove", "{}", me)))
		h.must(err)
		return `{"proof":` + virtualwebauthn.CreateAssertionResponse(rp, phone, key, *o) + `}`
	}
	proof := prove("door-1", site)
	h.at(host, 202, "POST", "/home/doors/door-1/open", proof, me)
	h.at(host, 403, "POST", "/home/doors/door-1/open", proof, me) // once
	h.at(host, 403, "POST", "/home/doors/door-1/open", prove("gate", site), me)
	h.at(host, 403, "POST", "/home/doors/door-1/open", prove("door-1", virtualwebauthn.RelyingParty{ID: host, Origin: "https://evil.example.com"}), me)
	h.at(host, 403, "POST", "/home/doors/door-1/open", `{"proof":{"id":"x"}}`, me)
	for i := range 200 { // questions for doors that nobody has fill no memory
		h.at(host, 200, "POST", fmt.Sprintf("/home/doors/door-x%d/prove", i), "{}", me)
	}
	h.phones.mu.Lock()
	waiting := len(h.phones.open)
	h.phones.mu.Unlock()
	if waiting > 2 {
		t.Errorf("%d questions wait for one person", waiting)
	}
	h.at("192.0.2.1", 422, "POST", "/home/phones/begin", "{}", me)
	h.at("other.example.com", 404, "POST", "/home/doors/door-1/prove", "{}", me) // a key is good under one name

	ps := h.want(200, "GET", "/home/phones", "", me)["items"].([]any)
	if len(ps) != 1 || strings.Contains(strings.ToLower(ps[0].(map[string]any)["name"].(string)), "key") {
		t.Fatalf("got %v", ps)
	}
	last := prove("door-1", site)
	h.want(204, "DELETE", "/home/phones/"+ps[0].(map[string]any)["id"].(string), "", me)
	h.at(host, 403, "POST", "/home/doors/door-1/open", last, me)
}
