package clip

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"dongyue/streams/evidence"
)

// Players are given times from the first fragment on, however the file is read; all
// other bytes are those on the disk.
func TestRebase(t *testing.T) {
	file, ps := reelOf(t, 6)
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "x"), file, 0o600))
	_, raw, err := readHead(bytes.NewReader(file))
	must(t, err)
	ps = ps[2:] // which begin at 0.8 s
	k := cutOf(ps, ps[0].start, ps[3].end)
	head, err := header(raw, k, ps)
	must(t, err)
	open := func() *video {
		v := &video{dir: dir, head: head, size: int64(len(head)), parts: []evidence.Part{{Size: int64(len(head))}}}
		for i, p := range ps {
			v.parts = append(v.parts, evidence.Part{N: i + 1, At: v.size, Size: p.size, File: p.reel, FileAt: p.at})
			v.size += p.size
		}
		return v
	}
	plain := open()
	defer plain.close()
	before := readAll(t, plain)
	v := open()
	defer v.close()
	must(t, v.rebase())
	after := readAll(t, v)
	if _, err := v.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if slow := readAll(t, iotest.OneByteReader(v)); !bytes.Equal(slow, after) {
		t.Error("byte by byte it is another file")
	}
	was, is := fragments(t, before, len(head)), fragments(t, after, len(head))
	for i := range is {
		if is[i].dts != was[i].dts-ps[0].dts || is[i].pts != was[i].pts-ps[0].dts || is[i].frames != was[i].frames {
			t.Errorf("fragment %d at %d, was %d", i, is[i].dts, was[i].dts)
		}
	}
	if media, err := beginsAt(after); err != nil || media != k.media-ps[0].dts || is[0].dts != 0 {
		t.Errorf("it begins at %d, %v", media, err)
	}
	differ := 0
	for i := range before {
		if before[i] != after[i] {
			differ++
		}
	}
	if differ > 8+len(ps)*16 {
		t.Errorf("%d bytes are others", differ)
	}
}

// beginsAt is where the edit list of the pictures begins.
func beginsAt(head []byte) (int64, error) {
	list, err := tracksIn(head)
	if err != nil {
		return 0, err
	}
	if len(list) == 0 {
		return 0, errBoxes
	}
	return editOf(head, &list[0])
}

func fragments(t *testing.T, b []byte, from int) (ps []*piece) {
	t.Helper()
	r := bytes.NewReader(b[from:])
	for r.Len() > 0 {
		f, err := readFragment(r)
		must(t, err)
		p, err := parseFragment(f)
		must(t, err)
		ps = append(ps, p)
	}
	return ps
}
