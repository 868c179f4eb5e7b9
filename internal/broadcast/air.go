package broadcast

import (
	"context"
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

// sign makes the signature of an address of sound: what it is, for whom, from where on
// and until when.
func (b *Broadcasts) sign(id string, v url.Values) string {
	mac := hmac.New(sha256.New, b.o.Key)
	_, _ = io.WriteString(mac, "sound\x00"+id+"\x00"+v.Get("device")+"\x00"+v.Get("from")+"\x00"+v.Get("until"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// sound serves a loudspeaker what it is to play: a WAV file, or a live voice as Ogg
// Opus. The address is the right to it, for a while.
func (b *Broadcasts) sound(w http.ResponseWriter, r *http.Request) {
	id, v := r.PathValue("id"), r.URL.Query()
	until, err := strconv.ParseInt(v.Get("until"), 10, 64)
	if err != nil || !hmac.Equal([]byte(v.Get("signature")), []byte(b.sign(id, v))) {
		web.WriteProblem(w, web.Fail(http.StatusForbidden, "broadcast.address", "this address was not made by the hub"))
		return
	}
	if time.Now().Unix() > until {
		web.WriteProblem(w, web.Fail(http.StatusGone, "broadcast.expired", "this address is good no more: wait for the next command"))
		return
	}
	hs, err := heads(r.Context(), b.db.Read(), `WHERE id = ?`, id)
	if err != nil || len(hs) != 1 || hs[0].StoppedAt != "" {
		web.WriteProblem(w, web.Fail(http.StatusGone, "broadcast.stopped", "this message is over"))
		return
	}
	bc := &hs[0]
	if bc.mic != "" {
		b.serveLive(w, r, bc)
		return
	}
	from, _ := strconv.ParseInt(v.Get("from"), 10, 64) // signed, so a number
	p, err := b.openProgram(bc, time.Duration(from)*time.Millisecond)
	if err != nil {
		b.log.ErrorContext(r.Context(), "broadcast: no sound", "broadcast_id", id, "err", err)
		web.WriteProblem(w, web.Fail(http.StatusGone, "broadcast.no_sound", "the sound is not there any more"))
		return
	}
	defer func() { _ = p.Close() }()
	n := p.left()
	w.Header().Set("Content-Type", "audio/wav")
	w.Header().Set("Content-Length", strconv.Itoa(sound.HeaderBytes+2*n))
	if _, err := w.Write(sound.Header(n)); err == nil { //nolint:gosec // G705: a WAV header of our own making, sent as such
		_, _ = io.Copy(w, p) // a loudspeaker that stops hangs up
	}
}

// serveLive passes packets on as they come.
func (b *Broadcasts) serveLive(w http.ResponseWriter, r *http.Request, bc *Broadcast) {
	m := b.mics.find(bc.mic)
	var e *ear
	if m != nil {
		e = m.listen()
	}
	if e == nil {
		web.WriteProblem(w, web.Fail(http.StatusGone, "broadcast.stopped", "this voice is over"))
		return
	}
	defer m.leave(e)
	ctx, end := b.airtime(r.Context(), bc.ID, r.URL.Query().Get("device"))
	defer end()
	w.Header().Set("Content-Type", "audio/ogg; codecs=opus")
	c := http.NewResponseController(w)
	out, err := sound.NewWriter(w, uint32(bc.seq)) //nolint:gosec // any number does
	for err == nil {
		if err = c.Flush(); err != nil {
			return
		}
		select {
		case p, ok := <-e.packets:
			if !ok {
				return
			}
			_ = c.SetWriteDeadline(time.Now().Add(5 * time.Second)) // a line that hangs holds nobody
			err = out.Packet(p, sound.Duration(p))
		case <-ctx.Done():
			return
		}
	}
}

// airtime is a context that ends when a loudspeaker's part is over: silence ends it.
func (b *Broadcasts) airtime(ctx context.Context, id, device string) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	key, mine := id+"/"+device, &airing{cancel}
	b.mu.Lock()
	defer b.mu.Unlock()
	if old := b.sent[key]; old != nil {
		old.end()
	}
	b.sent[key] = mine
	return ctx, func() {
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.sent[key] == mine {
			delete(b.sent, key)
		}
	}
}

// airing is sound on its way to one loudspeaker.
type airing struct{ end context.CancelFunc }

// silence ends what the hub itself sends to a loudspeaker, and takes from it.
func (b *Broadcasts) silence(id, device string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range []string{id + "/" + device, id + "/" + backOf(device)} {
		if x := b.sent[key]; x != nil {
			x.end()
			delete(b.sent, key)
		}
	}
}

// only ends what is sent to a loudspeaker besides one message.
func (b *Broadcasts) only(id, device string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, x := range b.sent {
		if strings.HasSuffix(key, "/"+device) && !strings.HasPrefix(key, id+"/") {
			x.end()
			delete(b.sent, key)
		}
	}
}

// hush ends all that is sent.
func (b *Broadcasts) hush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, x := range b.sent {
		x.end()
		delete(b.sent, key)
	}
}
