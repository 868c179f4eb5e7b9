package broadcast

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dongyue/internal/sound"
	"dongyue/internal/web"
)

// The other direction of a talk: what the microphone of a loudspeaker hears goes to the
// one who speaks there, and to nobody else. Nothing is decoded or kept.

// signBack makes the signature of an address that takes a voice.
func (b *Broadcasts) signBack(id string, v url.Values) string {
	mac := hmac.New(sha256.New, b.o.Key)
	_, _ = io.WriteString(mac, "back\x00"+id+"\x00"+v.Get("device")+"\x00"+v.Get("until"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// backAddress is where a loudspeaker sends what it hears, for its turn only.
func (b *Broadcasts) backAddress(bc *Broadcast, n *NodeOf) string {
	v := url.Values{"device": {n.Device}, "until": {strconv.FormatInt(n.due.Add(time.Minute).Unix(), 10)}}
	v.Set("signature", b.signBack(bc.ID, v))
	return strings.TrimRight(b.o.Base(), "/") + "/api/v1/broadcasts/" + bc.ID + "/voice?" + v.Encode()
}

// voice takes Ogg Opus as the body, for as long as the talk lasts. The address is the
// right to it.
func (b *Broadcasts) voice(w http.ResponseWriter, r *http.Request) {
	id, v := r.PathValue("id"), r.URL.Query()
	until, err := strconv.ParseInt(v.Get("until"), 10, 64)
	if err != nil || !hmac.Equal([]byte(v.Get("signature")), []byte(b.signBack(id, v))) {
		web.WriteProblem(w, web.Fail(http.StatusForbidden, "broadcast.address", "this address was not made by the hub"))
		return
	}
	hs, err := heads(r.Context(), b.db.Read(), `WHERE id = ?`, id)
	if err != nil || len(hs) != 1 || hs[0].StoppedAt != "" || time.Now().Unix() > until {
		web.WriteProblem(w, web.Fail(http.StatusGone, "broadcast.stopped", "this talk is over"))
		return
	}
	m := b.mics.find(hs[0].mic)
	if m == nil || m.reply == nil {
		web.WriteProblem(w, web.Fail(http.StatusGone, "broadcast.stopped", "nobody listens any more"))
		return
	}
	ctx, end := b.airtime(r.Context(), id, backOf(v.Get("device")))
	defer end()
	c := http.NewResponseController(w)
	stop := make(chan struct{})
	defer func() { <-stop }()
	done := make(chan struct{})
	defer close(done)
	go func() { // the end of the talk ends the reading
		defer close(stop)
		select {
		case <-ctx.Done():
			_ = c.SetReadDeadline(time.Now())
		case <-done:
		}
	}()
	if err := passOn(r.Body, m.reply); err != nil && ctx.Err() == nil {
		web.WriteProblem(w, web.Fail(http.StatusUnprocessableEntity, "broadcast.recording", "send Ogg Opus: "+err.Error()))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// backOf names the airtime of what comes back from a loudspeaker.
func backOf(device string) string { return "back/" + device }

// passOn gives packets on as they come.
func passOn(body io.Reader, reply func(packet []byte, samples uint32)) error {
	all := sound.NewPackets(body)
	for i := 0; ; i++ {
		p, err := all.Next()
		if err == io.EOF { //nolint:errorlint // as it is documented
			return nil
		}
		switch {
		case err != nil:
			return err
		case i == 0 && !strings.HasPrefix(string(p), "OpusHead"):
			return sound.ErrFormat
		case i < 2: // the two headers
		default:
			if n := sound.Duration(p); n > 0 {
				reply(p, uint32(n)) //nolint:gosec // at most 5760
			}
		}
	}
}
