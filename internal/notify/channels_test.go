package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"dongyue/internal/event"
)

func moment() time.Time { return time.Date(2026, 11, 3, 19, 4, 5, 678e6, time.UTC) }

// fire is a letter with everything that could go wrong in a text.
func fire() *Letter {
	return &Letter{
		ID: "m-abc.7", Language: Chinese, Subject: "【危急】3号充电棚 <b>7</b> 号口冒烟", Body: "东苑 1 栋 03:04:05\n第 2 次提醒", Priority: event.Critical,
		LifeSafety: true, Alarms: []string{"01KA"}, At: moment(),
		To: []Addressee{{"u-chen", "陈 & 子", "13800000001"}, {"u-li", "李", "li"}, {"u-wang", "王", ""}, {"u-all", "众", "@all"}},
	}
}

// receiver is a real server that keeps the last request and answers as told.
type receiver struct {
	*httptest.Server
	status int
	header http.Header
	answer string
	got    *http.Request
	body   []byte
}

func receive(t *testing.T, answer string) *receiver {
	r := &receiver{status: 200, header: http.Header{}, answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.got = req
		r.body, _ = io.ReadAll(req.Body)
		maps.Copy(w.Header(), r.header)
		w.WriteHeader(r.status)
		_, _ = io.WriteString(w, r.answer)
	}))
	t.Cleanup(r.Close)
	return r
}

func client(t *testing.T) *http.Client {
	c := HTTP(Dialer(true))
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// golden compares what a server got with the file beside this test.
func golden(t *testing.T, name string, r *receiver) {
	t.Helper()
	var pretty any
	if err := json.Unmarshal(r.body, &pretty); err != nil {
		t.Fatalf("%v in %s", err, r.body)
	}
	var b strings.Builder
	b.WriteString(r.got.Method + " " + r.got.URL.RequestURI() + "\n")
	for _, h := range []string{"Authorization", "Content-Type", HeaderID, HeaderTimestamp, HeaderSignature} {
		if v := r.got.Header.Get(h); v != "" {
			b.WriteString(h + ": " + v + "\n")
		}
	}
	b.WriteString("\n")
	text := json.NewEncoder(&b)
	text.SetEscapeHTML(false)
	text.SetIndent("", "  ")
	if err := text.Encode(pretty); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name+".golden")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestWhatTheReceiversGet(t *testing.T) {
	r := receive(t, `{"errcode":0,"errmsg":"ok","code":0}`)
	c := client(t)
	for name, ch := range map[string]Channel{
		"webhook":         &WebhookChannel{URL: r.URL + "/hook?x=1", Secret: "s3cret", Client: c, Now: moment},
		"webhook-no-sign": &WebhookChannel{URL: r.URL + "/hook", Client: c},
		"wecom":           &WeComChannel{URL: r.URL + "/cgi-bin/webhook/send?key=KEY", Client: c},
		"dingtalk":        &DingTalkChannel{URL: r.URL + "/robot/send?access_token=TOKEN", Secret: "SECabc", Client: c, Now: moment},
		"dingtalk-plain":  &DingTalkChannel{URL: r.URL + "/robot/send?access_token=TOKEN", Client: c},
		"feishu":          &FeishuChannel{URL: r.URL + "/open-apis/bot/v2/hook/KEY", Secret: "demo", Client: c, Now: moment},
		"ntfy":            &NtfyChannel{URL: r.URL + "/", Token: "tk_1", Client: c},
	} {
		if err := ch.Send(t.Context(), fire()); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		golden(t, name, r)
		if tr := ch.Traits(); tr.Target != strings.TrimPrefix(r.URL, "http://") || !known(tr.Type) {
			t.Errorf("%s: %+v", name, tr)
		}
	}
}

// The vectors were worked out with another implementation (Python's hmac).
func TestSignVectors(t *testing.T) {
	for _, c := range []struct{ what, got, want string }{
		{"dingtalk", signDingTalk("SECabc", "1793732645678"), "3NDMUds0edO7yXBoTTfZ4tx4aC+gyb2k7kzbEA1O39E="},
		{"dingtalk, empty secret", signDingTalk("", "0"), "Q9tEPDPpqPnAbOT2fNJuW8fHBSbcKNHJA/iXNesb6iA="},
		{"feishu", signFeishu("demo", "1599360473"), "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="},
		{"webhook", SignWebhook("s3cret", "1793732645", []byte(`{"a":"中"}`)), "3b64df24cbdd1bcf49cbd5580c7ae91f5e361af1fba3c2eda7cb67be676fc1f1"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.what, c.got, c.want)
		}
	}
}

// A receiver can check a webhook with nothing but its documentation.
func TestAWebhookCanBeChecked(t *testing.T) {
	r := receive(t, "")
	ch := &WebhookChannel{URL: r.URL, Secret: "s3cret", Client: client(t)}
	if err := ch.Send(t.Context(), fire()); err != nil {
		t.Fatal(err)
	}
	m := hmac.New(sha256.New, []byte("s3cret"))
	m.Write([]byte(r.got.Header.Get("Dongyue-Timestamp") + "." + string(r.body)))
	if got := r.got.Header.Get("Dongyue-Signature"); got != "sha256="+hex.EncodeToString(m.Sum(nil)) {
		t.Error(got)
	}
}

func TestAnswersOfRobots(t *testing.T) {
	r := receive(t, "")
	c := client(t)
	wecom := &WeComChannel{URL: r.URL, Client: c}
	ding := &DingTalkChannel{URL: r.URL, Client: c}
	feishu := &FeishuChannel{URL: r.URL, Client: c}
	for _, x := range []struct {
		ch     Channel
		answer string
		want   string // ok, refused, slow, again
	}{
		{wecom, `{"errcode":0,"errmsg":"ok"}`, "ok"},
		{wecom, `{"errcode":93000,"errmsg":"invalid webhook url"}`, "refused"},
		{wecom, `{"errcode":45009,"errmsg":"api freq out of limit"}`, "slow"},
		{wecom, `{"errcode":-1,"errmsg":"system busy"}`, "again"},
		{ding, `{"errcode":310000,"errmsg":"sign not match"}`, "refused"},
		{ding, `{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}`, "slow"},
		{feishu, `{"StatusCode":0,"StatusMessage":"success"}`, "ok"},
		{feishu, `{"code":0,"msg":"success","data":{}}`, "ok"},
		{feishu, `{"code":19021,"msg":"sign match fail or timestamp is not within one hour from current time"}`, "refused"},
		{feishu, `{"code":11232,"msg":"frequency limited"}`, "slow"},
		{feishu, `<html>`, "again"},
		{feishu, `{}`, "again"},
	} {
		r.answer = x.answer
		err := x.ch.Send(t.Context(), fire())
		if got := kindOf(err); got != x.want {
			t.Errorf("%s to %s: %s (%v)", x.answer, x.ch.Traits().Type, got, err)
		}
	}
}

func kindOf(err error) string {
	var slow *SlowDown
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrRefused):
		return "refused"
	case errors.As(err, &slow):
		return "slow"
	}
	return "again"
}

func TestStatuses(t *testing.T) {
	r := receive(t, "{}")
	ch := &WebhookChannel{URL: r.URL + "/?key=topsecret", Client: client(t)}
	for status, want := range map[int]string{
		200: "ok", 204: "ok", 302: "refused", 307: "refused", 400: "refused", 401: "refused", 404: "refused", 408: "again", 410: "refused", 425: "again",
		429: "slow", 500: "again", 502: "again", 503: "slow",
	} {
		r.status, r.header = status, http.Header{"Location": {r.URL + "/elsewhere"}, "Retry-After": {"17"}}
		err := ch.Send(t.Context(), fire())
		if got := kindOf(err); got != want {
			t.Errorf("%d: %s, want %s", status, got, want)
		}
		var slow *SlowDown
		if errors.As(err, &slow) && slow.For != 17*time.Second {
			t.Errorf("%d: rest of %s", status, slow.For)
		}
		if r.got.URL.Path == "/elsewhere" {
			t.Errorf("%d: a redirect was followed", status)
		}
	}
	for text, want := range map[string]time.Duration{"": 0, "-4": 0, "99999": 10 * time.Minute, "Wed, 21 Oct 2026 07:28:00 GMT": time.Minute} {
		if got := retryAfter(text); got != want {
			t.Errorf("Retry-After %q: %s", text, got)
		}
	}
}

// The key of a robot is in its address: no error may hold it.
func TestErrorsHoldNoKeys(t *testing.T) {
	r := receive(t, "")
	r.Close()
	for _, ch := range []Channel{
		&WeComChannel{URL: r.URL + "/send?key=topsecret", Client: client(t)},
		&DingTalkChannel{URL: r.URL + "/send?access_token=topsecret", Secret: "topsecret", Client: client(t)},
		&FeishuChannel{URL: r.URL + "/hook/topsecret", Secret: "topsecret", Client: client(t)},
		&WebhookChannel{URL: "http://user:topsecret@127.0.0.1:1/%zz", Client: client(t)},
		&NtfyChannel{URL: r.URL, Token: "topsecret", Client: client(t)},
	} {
		err := ch.Send(t.Context(), fire())
		if err == nil || strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%s: %v", ch.Traits().Type, err)
		}
		if strings.Contains(ch.Traits().Target, "topsecret") {
			t.Errorf("target %s", ch.Traits().Target)
		}
	}
}

func TestLongTextsAreCutAtACharacter(t *testing.T) {
	r := receive(t, `{"errcode":0}`)
	l := fire()
	l.Body = strings.Repeat("烟", 4000)
	if err := (&WeComChannel{URL: r.URL, Client: client(t)}).Send(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	var got struct{ Text struct{ Content string } }
	if err := json.Unmarshal(r.body, &got); err != nil {
		t.Fatal(err)
	}
	if n := len(got.Text.Content); n > 2048 || n < 2040 || !utf8.ValidString(got.Text.Content) || !strings.HasSuffix(got.Text.Content, "烟…") {
		t.Errorf("%d bytes, ends with %q", n, got.Text.Content[n-6:])
	}
}

func TestMobiles(t *testing.T) {
	for s, want := range map[string]bool{
		"13800000001": true, "+8613800000001": true, "1380000000": false, "23800000001": false, "1380000000x": false, "zhangsan": false, "": false,
	} {
		if mobile(s) != want {
			t.Errorf("%q", s)
		}
	}
}

func TestContactsAreChecked(t *testing.T) {
	for _, c := range []struct {
		contact Contact
		ok      bool
	}{
		{Contact{SMTP, "chen@example.org"}, true}, {Contact{SMTP, "chen"}, false}, {Contact{SMTP, "陈 <chen@example.org>"}, false},
		{Contact{SMTP, "a@b.c\r\nBcc: x@y.z"}, false},
		{Contact{Ntfy, "dongyue-3f9"}, true}, {Contact{Ntfy, ""}, false}, {Contact{Ntfy, "a/b"}, false},
		{Contact{WeCom, ""}, true}, {Contact{WeCom, "@all"}, true}, {Contact{DingTalk, "13800000001"}, true}, {Contact{Feishu, `ou"><at`}, false},
		{Contact{Webhook, "desk 3"}, true}, {Contact{Desk, ""}, true}, {Contact{Desk, "x"}, false},
	} {
		if got := c.contact.wrong(); (got == "") != c.ok {
			t.Errorf("%+v: %q", c.contact, got)
		}
	}
	twice := Contacts{Channels: []Contact{{WeCom, ""}, {WeCom, ""}}}
	if twice.check() == nil {
		t.Error("twice the same")
	}
}

// What a robot or a server answers is anybody's bytes.
func FuzzAnswers(f *testing.F) {
	for _, s := range []string{`{"errcode":0}`, `{"code":9499,"msg":"x"}`, `{"StatusCode":1e99}`, `[]`, `null`, "", "\xff", `{"errcode":"0"}`} {
		f.Add([]byte(s), "17")
	}
	f.Fuzz(func(t *testing.T, b []byte, after string) {
		err := robotAnswer(b, codes{slow: []int{9499}})
		if err == nil && !json.Valid(b) {
			t.Errorf("%q was taken for a success", b)
		}
		if d := retryAfter(after); d < 0 || d > 10*time.Minute {
			t.Errorf("Retry-After %q: %s", after, d)
		}
	})
}
