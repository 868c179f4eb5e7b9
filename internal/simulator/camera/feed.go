package camera

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/pion/rtp"
)

// feed is one stream of one camera. Its clock runs on whether it is played or
// not, as a camera's does: timestamps and the place in the loop follow the wall.
type feed struct {
	clip   *clip
	epoch  time.Time                        // when frame 0 of the first loop would have been shown
	random uint32                           // added to timestamps (RFC 3550, 5.1)
	look   func() (pan, tilt, zoom float64) // nil: it does not turn
	enc    *rtph264.Encoder                 // for key frames of one that does; play's

	mu      sync.Mutex
	stream  *gortsplib.ServerStream // nil while off
	players int
	stop    chan struct{} // of the running play
	seq     uint16
}

func newFeed(c *clip, offset time.Duration) *feed {
	return &feed{clip: c, epoch: time.Now().Add(-offset), random: rand.Uint32(), seq: uint16(rand.Uint32())} //nolint:gosec // need not be secret
}

// open makes the camera answer.
func (f *feed) open(s *gortsplib.Server) {
	f.mu.Lock()
	defer f.mu.Unlock()
	st := &gortsplib.ServerStream{Server: s, Desc: sessionOf(f.clip)}
	if st.Initialize() == nil { // it fails only while the server is closing
		f.stream = st
	}
}

// close ends the sessions; their OnSessionClose counts the players out.
func (f *feed) close() {
	f.mu.Lock()
	st := f.stream
	f.stream = nil
	f.mu.Unlock()
	if st != nil {
		st.Close()
	}
}

func (f *feed) current() *gortsplib.ServerStream {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stream
}

// join counts a player in; the first one starts the sending.
func (f *feed) join(running *sync.WaitGroup) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.players++; f.players > 1 {
		return
	}
	stop := make(chan struct{})
	f.stop = stop
	running.Go(func() { f.play(stop) })
}

func (f *feed) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.players--; f.players == 0 {
		close(f.stop)
	}
}

// play sends frames at their times. It begins with the newest key frame, as
// cameras do when somebody starts to play, and so runs up to a group of
// pictures late; that lateness stays, so the pace is even.
func (f *feed) play(stop <-chan struct{}) {
	fps := time.Duration(f.clip.fps)
	n := int(time.Since(f.epoch) * fps / time.Second)
	begin := n
	for !f.clip.frames[begin%len(f.clip.frames)].key {
		begin--
	}
	late := time.Duration(n-begin) * time.Second / fps
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := begin; ; i++ {
		timer.Reset(time.Until(f.epoch.Add(late + time.Duration(i)*time.Second/fps)))
		select {
		case <-stop:
			return
		case <-timer.C:
		}
		f.send(i)
	}
}

// turned is a key frame of the part that is looked at.
func (f *feed) turned(fr frame) frame {
	pan, tilt, zoom := f.look()
	if pan == 0 && tilt == 0 && zoom == 0 {
		return fr
	}
	if f.enc == nil {
		enc := &rtph264.Encoder{PayloadType: payloadType, PacketizationMode: 1}
		if enc.Init() != nil {
			return fr
		}
		f.enc = enc
	}
	unit := slices.Clone(fr.nalus)
	for i, n := range unit {
		if h264.NALUType(n[0]&0x1f) != h264.NALUTypeSPS {
			continue
		}
		sps, err := cropped(n, func(w, h int) window { return lens(w, h, place{pan, tilt, zoom}) })
		if err != nil {
			return fr // another clip than ours
		}
		unit[i] = sps
	}
	ps, err := f.enc.Encode(unit)
	if err != nil {
		return fr
	}
	out := frame{key: true}
	for _, p := range ps {
		out.payloads = append(out.payloads, p.Payload)
	}
	return out
}

// send writes frame i, counted from the epoch, to all players.
func (f *feed) send(i int) {
	fr := f.clip.frames[i%len(f.clip.frames)]
	if fr.key && f.look != nil {
		fr = f.turned(fr)
	}
	ts := f.random + uint32(i*(90000/f.clip.fps)) //nolint:gosec // modulo 2^32 is meant
	f.mu.Lock()
	st, seq := f.stream, f.seq
	f.seq += uint16(len(fr.payloads)) //nolint:gosec // modulo 2^16 is meant
	f.mu.Unlock()
	if st == nil {
		return
	}
	for k, b := range fr.payloads {
		p := &rtp.Packet{
			Header:  rtp.Header{Version: 2, PayloadType: payloadType, SequenceNumber: seq + uint16(k), Timestamp: ts, Marker: k == len(fr.payloads)-1}, //nolint:gosec // modulo 2^16 is meant
			Payload: b,
		}
		if st.WritePacketRTP(st.Desc.Medias[0], p) != nil {
			return // the stream was closed meanwhile
		}
	}
}
