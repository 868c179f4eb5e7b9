package camera

import (
	"errors"
	"fmt"
)

// A camera that turns shows another part of its scene. Nothing is encoded for that: the
// sequence parameter set of each key frame says which part of the picture is shown
// (H.264, 7.4.2.1.1, frame_crop), so the picture follows from key frame to key frame.

// window is what is cut off a picture, in pixels.
type window struct{ left, right, top, bottom int }

// lens is the part of a picture that a head looks at: all of it at rest, else three
// quarters of its sides and less with zoom. Decoders can cut only so finely at the left.
func lens(width, height int, p place) window {
	if p == (place{}) {
		return window{}
	}
	size := 0.75 - 0.45*p.zoom
	w := int(float64(width)*size) &^ 63
	h := w * height / width &^ 1 // of the same shape
	left := int(float64(width-w)*(1+p.pan)/2) &^ 63
	top := int(float64(height-h)*(1-p.tilt)/2) &^ 1
	return window{left, width - w - left, top, height - h - top}
}

var errSet = errors.New("camera: a sequence parameter set that is not understood")

// bits reads a sequence parameter set.
type bits struct {
	b  []byte // without emulation prevention (7.4.1)
	at int
}

func (r *bits) u(n int) (v int) {
	for range n {
		v <<= 1
		if r.at/8 < len(r.b) {
			v |= int(r.b[r.at/8]>>(7-r.at%8)) & 1
		}
		r.at++
	}
	return v
}

func (r *bits) ue() int {
	zeros := 0
	for r.u(1) == 0 && zeros < 32 {
		zeros++
	}
	return 1<<zeros - 1 + r.u(zeros)
}

// put adds bits one behind the other.
type put struct {
	b []byte
	n int
}

func (w *put) u(v, n int) {
	for i := n - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
}

func (w *put) ue(v int) {
	n := 0
	for (v+1)>>(n+1) > 0 {
		n++
	}
	w.u(0, n)
	w.u(v+1, n+1)
}

// cropped is a sequence parameter set of the profile main or baseline, which the clips
// have, that shows less.
func cropped(sps []byte, cut func(width, height int) window) ([]byte, error) {
	if len(sps) < 5 || sps[1] != 66 && sps[1] != 77 {
		return nil, errSet
	}
	r := &bits{b: plain(sps)}
	r.at = 32
	r.ue() // seq_parameter_set_id
	r.ue() // log2_max_frame_num_minus4
	switch r.ue() {
	case 0:
		r.ue()
	case 1:
		return nil, fmt.Errorf("%w: pic_order_cnt_type 1", errSet)
	}
	r.ue() // max_num_ref_frames
	r.u(1)
	width, height := 16*(r.ue()+1), 16*(r.ue()+1)
	if r.u(1) == 0 {
		return nil, fmt.Errorf("%w: fields", errSet)
	}
	r.u(1)
	flag := r.at
	var was window
	if r.u(1) == 1 {
		was = window{2 * r.ue(), 2 * r.ue(), 2 * r.ue(), 2 * r.ue()}
	}
	c := cut(width-was.left-was.right, height-was.top-was.bottom)
	w := &put{}
	copyBits(w, r.b, 0, flag)
	w.u(1, 1)
	for _, n := range []int{was.left + c.left, was.right + c.right, was.top + c.top, was.bottom + c.bottom} {
		w.ue(n / 2)
	}
	copyBits(w, r.b, r.at, end(r.b)) // what is left, and the bit that ends it
	return guarded(w.b), nil
}

func copyBits(w *put, b []byte, from, to int) {
	for r := (&bits{b: b, at: from}); r.at < to; {
		w.u(r.u(1), 1)
	}
}

// end is behind the last bit that is set (7.3.2.11).
func end(b []byte) int {
	for i := len(b)*8 - 1; i > 0; i-- {
		if b[i/8]>>(7-i%8)&1 == 1 {
			return i + 1
		}
	}
	return 0
}

// plain takes emulation prevention out, guarded puts it in (7.4.1).
func plain(b []byte) (out []byte) {
	zeros := 0
	for _, x := range b {
		if zeros >= 2 && x == 3 {
			zeros = 0
			continue
		}
		if zeros++; x != 0 {
			zeros = 0
		}
		out = append(out, x)
	}
	return out
}

func guarded(b []byte) (out []byte) {
	zeros := 0
	for _, x := range b {
		if zeros >= 2 && x <= 3 {
			out, zeros = append(out, 3), 0
		}
		if zeros++; x != 0 {
			zeros = 0
		}
		out = append(out, x)
	}
	return out
}
