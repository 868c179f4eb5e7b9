package camera

import (
	"bytes"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// The part that is shown follows the head, and all else of the set stays as it was.
func TestWindowFollowsTheHead(t *testing.T) {
	for q := range qualities() {
		for _, scene := range Scenes() {
			c, err := loadClip(scene, q)
			if err != nil {
				t.Fatal(err)
			}
			var was h264.SPS
			if err := was.Unmarshal(c.sps); err != nil {
				t.Fatal(err)
			}
			for _, p := range []place{{1, 0, 0}, {-1, 1, 0}, {0.3, -1, 0.5}, {0, 0, 1}} {
				var w window
				sps, err := cropped(c.sps, func(width, height int) window {
					if width != was.Width() || height != was.Height() {
						t.Fatalf("%s: %dx%d", scene, width, height)
					}
					w = lens(width, height, p)
					return w
				})
				if err != nil {
					t.Fatal(err)
				}
				var now h264.SPS
				if err := now.Unmarshal(sps); err != nil {
					t.Fatalf("%s %s %+v: %v", scene, q, p, err)
				}
				if now.Width() != was.Width()-w.left-w.right || now.Height() != was.Height()-w.top-w.bottom || now.FPS() != was.FPS() || now.Width() >= was.Width() {
					t.Errorf("%s %s %+v: %dx%d at %f", scene, q, p, now.Width(), now.Height(), now.FPS())
				}
				if w.left < 0 || w.right < 0 || w.top < 0 || w.bottom < 0 || w.left%64 != 0 {
					t.Errorf("%+v: %+v", p, w)
				}
			}
			if same, err := cropped(c.sps, func(int, int) window { return window{} }); err != nil || len(same) > len(c.sps)+1 {
				t.Errorf("%x became %x, %v", c.sps, same, err)
			}
		}
	}
	if lens(1280, 720, place{}) != (window{}) {
		t.Error("a head at rest does not show all")
	}
	if l, r := lens(1280, 720, place{-1, 0, 0}), lens(1280, 720, place{1, 0, 0}); l.left != 0 || r.left <= l.left || l.left+l.right != r.left+r.right {
		t.Errorf("to the left %+v, to the right %+v", l, r)
	}
	for _, b := range [][]byte{nil, {0x67}, {0x67, 100, 0, 31, 0}, bytes.Repeat([]byte{0x67}, 9)} {
		if _, err := cropped(b, func(int, int) window { return window{} }); err == nil {
			t.Errorf("%x is understood", b)
		}
	}
}
