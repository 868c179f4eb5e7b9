package streams

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// Parameter sets as x264 writes them.
var spsOf = map[string]string{
	"main, 2 B-frames":          "674d401eeca05217f3c980880000030008000003019078b16cb0",
	"high, pyramid, HRD":        "6764001eacd940a42fe79301100000030010000003032604000927c00124fa4c30078b16cb",
	"baseline":                  "6742c01edb0290bf9e4c0440000003004000000c83c58bb8",
	"high, no B, scaling lists": "6764001eacb201485fcf260220000003002000000641e2c5c9",
}

func promised(t *testing.T, sps []byte) (from, to int) {
	t.Helper()
	r := bits{b: unescape(sps[1:])}
	from, to = r.reorder()
	if r.bad {
		t.Fatal("can't be read")
	}
	return from, to
}

func TestInOrder(t *testing.T) {
	for name, text := range spsOf {
		t.Run(name, func(t *testing.T) {
			sps, err := hex.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			from, to := promised(t, sps)
			if to == 0 {
				t.Fatal("no restriction was found")
			}
			got := inOrder(sps)
			if name[0] == 'b' && !bytes.Equal(got, sps) {
				t.Fatal("what is in order was changed")
			}
			if a, b := promised(t, got); a != from || b != a+1 {
				t.Fatalf("still %d bits for %d", b-a, to-from)
			}
			was, err1 := parseSPS(sps)
			is, err2 := parseSPS(got)
			if err1 != nil || err2 != nil || was != is || is.Width != 644 || is.Height != 362 {
				t.Fatalf("%+v (%v), was %+v (%v)", is, err2, was, err1)
			}
			if again := inOrder(got); !bytes.Equal(again, got) {
				t.Fatal("a second time changes it again")
			}
			for n := range sps { // whatever is cut off
				inOrder(sps[:n])
			}
		})
	}
	if sps := testSPS; !bytes.Equal(inOrder(sps)[:4], sps[:4]) {
		t.Fatal("the profile was changed")
	}
}

func FuzzInOrder(f *testing.F) {
	for _, text := range spsOf {
		sps, _ := hex.DecodeString(text)
		f.Add(sps)
	}
	f.Add(testSPS)
	f.Fuzz(func(t *testing.T, sps []byte) {
		got := inOrder(sps)
		if len(sps) > 0 && got[0] != sps[0] {
			t.Fatal("another NAL unit")
		}
		if !bytes.Equal(got, sps) && len(got) > len(sps)+len(sps)/2+2 {
			t.Fatalf("%d bytes became %d", len(sps), len(got))
		}
	})
}
