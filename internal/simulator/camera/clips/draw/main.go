// Command draw paints the scenes of the simulated cameras and writes one of
// them as raw RGB frames to standard output, for an encoder to read.
//
//	draw -scene plaza -w 1280 -h 720 -fps 25 | ffmpeg -f rawvideo -pix_fmt rgb24 …
//
// Every scene is a loop: the last frame leads to the first.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
)

// scene is a loop of ten seconds. back is drawn once, draw for each frame on a
// copy of it; t runs from 0 to 1.
type scene struct {
	name  string
	setup func(v *view)
	back  func(v *view)
	draw  func(v *view, t float64)
}

const seconds = 10

func main() {
	name := flag.String("scene", "", "what to draw")
	w := flag.Int("w", 1280, "width in pixels")
	h := flag.Int("h", 720, "height in pixels")
	fps := flag.Int("fps", 25, "frames a second")
	only := flag.Int("frame", -1, "draw this frame only")
	flag.Parse()
	for _, s := range []scene{shed(), door(), gate(), plaza(), path(), park()} {
		if s.name == *name {
			if err := render(os.Stdout, s, *w, *h, *fps, *only); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		}
	}
	fmt.Fprintf(os.Stderr, "no scene %q\n", *name)
	os.Exit(2)
}

func render(to io.Writer, s scene, w, h, fps, only int) error {
	out := bufio.NewWriterSize(to, 1<<20)
	v := &view{canvas: newCanvas(w, h)}
	s.setup(v)
	s.back(v)
	back := append([]float32(nil), v.pix...)
	raw := make([]byte, w*h*3)
	frames := seconds * fps
	for i := range frames {
		if only >= 0 && i != only {
			continue
		}
		copy(v.pix, back)
		t := float64(i) / float64(frames)
		s.draw(v, t)
		progress(v.canvas, t)
		v.finish(raw)
		if _, err := out.Write(raw); err != nil {
			return fmt.Errorf("write frame %d: %w", i, err)
		}
	}
	return out.Flush()
}

// progress is a thin bar along the lower edge with a bright head, so that a
// stopped picture is seen at once even where nothing moves.
func progress(c *canvas, t float64) {
	c.rect(0, 712, 1280, 8, rgb(0x000000).alpha(0.55))
	c.rect(0, 714, 1280*t, 4, rgb(0x3fb6a8).alpha(0.75))
	c.rect(1280*t-3, 711, 8, 9, rgb(0xf4fbff))
}
