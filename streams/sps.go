package streams

import "bytes"

// inOrder returns a sequence parameter set that promises that no picture is shown
// before one that was coded earlier (max_num_reorder_frames 0, H.264 E.2.1), or
// the same one where it already does, says nothing, or can't be read.
//
// Browsers take a decoder that holds a picture back for a broken one, and ask for
// key frame upon key frame. Many encoders promise less than they keep; where a
// camera really has B-frames, ingest leaves them out.
func inOrder(sps []byte) []byte {
	if len(sps) < 5 || len(sps) > maxSPS {
		return sps
	}
	r := bits{b: unescape(sps[1:])}
	from, to := r.reorder()
	if r.bad || to == 0 || to-from == 1 { // one bit is the number 0
		return sps
	}
	last := r.at // behind max_dec_frame_buffering
	w := bitWriter{b: make([]byte, 0, len(sps))}
	w.copy(r.b, 0, from)
	w.bit(1)
	w.copy(r.b, to, last)
	w.bit(1) // rbsp_stop_one_bit; zeros follow by themselves
	return append([]byte{sps[0]}, escape(w.b)...)
}

// unescape takes emulation prevention out (H.264 7.4.1).
func unescape(b []byte) []byte { return bytes.ReplaceAll(b, []byte{0, 0, 3}, []byte{0, 0}) }

func escape(b []byte) []byte {
	out, zeros := make([]byte, 0, len(b)+4), 0
	for _, c := range b {
		if zeros == 2 && c <= 3 {
			out, zeros = append(out, 3), 0
		}
		if out = append(out, c); c == 0 {
			zeros++
		} else {
			zeros = 0
		}
	}
	return out
}

// bits reads a parameter set bit by bit.
type bits struct {
	b   []byte
	at  int
	bad bool
}

func (r *bits) u(n int) (v uint32) {
	for ; n > 0; n-- {
		if r.at >= 8*len(r.b) {
			r.bad = true
			return 0
		}
		v = v<<1 | uint32(r.b[r.at/8]>>(7-r.at%8)&1)
		r.at++
	}
	return v
}

func (r *bits) flag() bool { return r.u(1) == 1 }

// ue is an Exp-Golomb number (H.264 9.1).
func (r *bits) ue() uint32 {
	zeros := 0
	for ; !r.bad && r.u(1) == 0; zeros++ {
		if zeros == 32 {
			r.bad = true
		}
	}
	if r.bad {
		return 0
	}
	return 1<<zeros - 1 + r.u(zeros)
}

// times does f n times, but not for a number that is made up.
func (r *bits) times(n uint32, f func()) {
	if n > 256 {
		r.bad = true
	}
	for ; n > 0 && !r.bad; n-- {
		f()
	}
}

// reorder reads up to the end of a parameter set (H.264 7.3.2.1.1) and returns
// where max_num_reorder_frames begins and ends, or to 0 where it isn't there.
func (r *bits) reorder() (from, to int) {
	profile := r.u(8)
	r.u(16) // constraints, level
	r.ue()  // id
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		r.chroma()
	}
	r.ue() // log2_max_frame_num_minus4
	switch r.ue() {
	case 0:
		r.ue()
	case 1:
		r.u(1)
		r.ue()
		r.ue()
		r.times(r.ue(), func() { r.ue() })
	}
	r.ue() // max_num_ref_frames
	r.u(1)
	r.ue() // width
	r.ue() // height
	if !r.flag() {
		r.u(1)
	}
	r.u(1)
	if r.flag() { // cropping
		r.times(4, func() { r.ue() })
	}
	if !r.flag() {
		return 0, 0
	}
	return r.vui()
}

func (r *bits) chroma() {
	lists := uint32(8)
	if r.ue() == 3 {
		r.u(1)
		lists = 12
	}
	r.ue()
	r.ue()
	r.u(1)
	if !r.flag() {
		return
	}
	i := 0
	r.times(lists, func() {
		size := 16
		if i++; i > 6 {
			size = 64
		}
		if r.flag() {
			r.scaling(size)
		}
	})
}

// scaling passes over a scaling list (H.264 7.3.2.1.1.1).
func (r *bits) scaling(size int) {
	for next, j := int32(8), 0; j < size && next != 0 && !r.bad; j++ {
		k := r.ue()
		delta := int32(k+1) / 2
		if k%2 == 0 {
			delta = -delta
		}
		next = (next + delta) & 0xff
	}
}

// vui reads the usability information (H.264 E.1.1).
func (r *bits) vui() (from, to int) {
	if r.flag() && r.u(8) == 255 { // aspect ratio
		r.u(32)
	}
	if r.flag() { // overscan
		r.u(1)
	}
	if r.flag() { // video signal
		r.u(4)
		if r.flag() {
			r.u(24)
		}
	}
	if r.flag() { // chroma location
		r.ue()
		r.ue()
	}
	if r.flag() { // timing
		r.u(32)
		r.u(32)
		r.u(1)
	}
	nal := r.flag()
	if nal {
		r.hrd()
	}
	vcl := r.flag()
	if vcl {
		r.hrd()
	}
	if nal || vcl {
		r.u(1)
	}
	r.u(1)
	if !r.flag() {
		return 0, 0
	}
	r.u(1)
	r.times(4, func() { r.ue() })
	from = r.at
	r.ue()
	to = r.at
	r.ue()
	return from, to
}

func (r *bits) hrd() {
	n := r.ue()
	r.u(8)
	r.times(n+1, func() {
		r.ue()
		r.ue()
		r.u(1)
	})
	r.u(20)
}

// bitWriter writes bit by bit.
type bitWriter struct {
	b []byte
	n int
}

func (w *bitWriter) bit(v byte) {
	if w.n%8 == 0 {
		w.b = append(w.b, 0)
	}
	w.b[w.n/8] |= v << (7 - w.n%8)
	w.n++
}

func (w *bitWriter) copy(b []byte, from, to int) {
	for i := from; i < to; i++ {
		w.bit(b[i/8] >> (7 - i%8) & 1)
	}
}
