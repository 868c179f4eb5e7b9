package streams

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
)

// Cameras send several picture parameter sets, also each in a unit of its own: a key
// frame has them all, in their newest form.
func TestSeveralPictureParameterSets(t *testing.T) {
	sps := []byte{0x67, 0x42, 0xc0, 0x1f, 1}
	other := []byte{0x67, 0x42, 0xc0, 0x28, 1}
	zero, one, newOne := []byte{0x68, 0xce, 1}, []byte{0x68, 0x4e, 2}, []byte{0x68, 0x4e, 3}
	idr := []byte{0x65, 0x88, 1}
	for _, c := range []struct {
		name  string
		units [][][]byte
		want  [][]byte
	}{
		{"together", [][][]byte{{sps, zero, one, idr}}, [][]byte{sps, zero, one}},
		{"each by itself", [][][]byte{{sps}, {zero}, {one}, {idr}}, [][]byte{sps, zero, one}},
		{"one is sent anew", [][][]byte{{sps, zero, one}, {newOne}, {idr}}, [][]byte{sps, zero, newOne}},
		{"another sequence", [][][]byte{{sps, zero, one}, {other, zero, idr}}, [][]byte{other, zero}},
		{"the same twice", [][][]byte{{sps, zero, zero, idr}}, [][]byte{sps, zero}},
	} {
		var p Packetizer
		var f *Frame
		for _, u := range c.units {
			var err error
			if f, err = p.AccessUnit(u); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
		}
		if got := f.NALUs(); !slices.EqualFunc(got, append(c.want, idr), bytes.Equal) {
			t.Errorf("%s: %x", c.name, got)
		}
	}
	var p Packetizer
	for i := range 200 { // a camera that makes up numbers costs nothing
		id := byte(i)
		if _, err := p.AccessUnit([][]byte{{0x68, 0x00, 0x80 | id>>1, id<<7 | 0x40, byte(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	if len(p.pps) > maxPPS {
		t.Errorf("%d sets are kept", len(p.pps))
	}
}

// Files have room for one picture parameter set in their header: the others stay in
// the picture.
func TestFileWithSeveralPictureParameterSets(t *testing.T) {
	var p Packetizer
	zero, one, idr := []byte{0x68, 0xce, 1}, []byte{0x68, 0x4e, 2}, []byte{0x65, 0x88, 1}
	f, err := p.AccessUnit([][]byte{{0x67, 0x42, 0xc0, 0x1f, 1}, zero, one, idr})
	if err != nil {
		t.Fatal(err)
	}
	if _, picture := f.Split(); fmt.Sprintf("%x", picture) != fmt.Sprintf("%x", [][]byte{zero, idr}) {
		t.Errorf("the picture is %x", picture)
	}
}

func TestSetNumber(t *testing.T) {
	for _, c := range []struct {
		set  []byte
		want int
	}{
		{[]byte{0x68, 0x80}, 0},
		{[]byte{0x68, 0x40}, 1},
		{[]byte{0x68, 0x60}, 2},
		{[]byte{0x68, 0x00, 0x80, 0x00}, 255},
		{[]byte{0x68, 0x00, 0x00, 0x00}, -1},
		{[]byte{0x68}, 0},
	} {
		if got := setNumber(c.set, 1); got != c.want {
			t.Errorf("%x: %d, want %d", c.set, got, c.want)
		}
	}
}
