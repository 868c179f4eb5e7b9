package clip

import (
	"encoding/binary"
	"slices"

	"dongyue/streams"
)

// trackBox is a track in a header.
type trackBox struct {
	box
	moov  box
	id    int
	scale int64 // ticks a second
}

// tracksIn lists them.
func tracksIn(head []byte) (list []trackBox, err error) {
	way, err := find(head, "moov")
	if err != nil {
		return nil, err
	}
	all, err := boxes(head, way[0].body, way[0].to)
	if err != nil {
		return nil, err
	}
	for _, x := range all {
		if x.kind != "trak" {
			continue
		}
		t := trackBox{box: x, moov: way[0]}
		id, err := t.field(head, "tkhd")
		if err != nil {
			return nil, err
		}
		scale, err := t.field(head, "mdia", "mdhd")
		if err != nil {
			return nil, err
		}
		if t.id, t.scale = int(id), int64(scale); scale == 0 {
			return nil, errBoxes
		}
		list = append(list, t)
	}
	return list, nil
}

// field reads what stands behind the two dates of tkhd and mdhd: id and time scale
// (8.3.2, 8.4.2).
func (t *trackBox) field(head []byte, path ...string) (uint32, error) {
	x, err := t.find(head, path...)
	if err != nil {
		return 0, err
	}
	at := x.body + 12
	if x.body < x.to && head[x.body] == 1 { // dates of 64 bits
		at += 8
	}
	if at+4 > x.to {
		return 0, errBoxes
	}
	return binary.BigEndian.Uint32(head[at:]), nil
}

// find goes down a path within the track; the place is that in the header.
func (t *trackBox) find(head []byte, path ...string) (box, error) {
	way, err := find(head[t.body:t.to], path...)
	if err != nil {
		return box{}, err
	}
	x := way[len(way)-1]
	return box{x.kind, x.from + t.body, x.to + t.body, x.body + t.body}, nil
}

// cutTracks leaves the tracks that fragments have something of, with an edit list
// each. media is on the clock of the pictures, length in milliseconds.
func cutTracks(head []byte, media, length int64, ps []*piece) ([]byte, error) {
	list, err := tracksIn(head)
	if err != nil {
		return nil, err
	}
	b := slices.Clone(head)
	for _, t := range slices.Backward(list) { // from behind, so that places before stay
		if t.id != track && !slices.ContainsFunc(ps, func(p *piece) bool { return p.sound == t.id }) {
			b = replace(b, nil, t.from, t.to, sized(b, t.moov))
			continue
		}
		x, err := t.find(b, "tkhd")
		if err != nil {
			return nil, err
		}
		b = replace(b, edit(media*t.scale/clockRate, length), x.to, x.to, append(sized(b, t.moov), t.box))
	}
	return dropDefaults(b)
}

// sized is a box as long as it is now.
func sized(b []byte, x box) []box {
	x.to = x.from + int(binary.BigEndian.Uint32(b[x.from:]))
	return []box{x}
}

// dropDefaults takes out what stands in mvex for tracks that are no longer there (8.8.3).
func dropDefaults(b []byte) ([]byte, error) {
	list, err := tracksIn(b)
	if err != nil {
		return nil, err
	}
	way, err := find(b, "moov", "mvex")
	if err != nil {
		return nil, err
	}
	all, err := boxes(b, way[1].body, way[1].to)
	if err != nil {
		return nil, err
	}
	for _, x := range slices.Backward(all) {
		if x.kind != "trex" || x.to-x.body < 8 {
			continue
		}
		id := int(binary.BigEndian.Uint32(b[x.body+4:]))
		if !slices.ContainsFunc(list, func(t trackBox) bool { return t.id == id }) {
			b = replace(b, nil, x.from, x.to, []box{sized(b, way[0])[0], sized(b, way[1])[0]})
		}
	}
	return b, nil
}

// The library does not write G.711. It is given as plain samples, and the name of the
// entry is changed where it lies: alaw or ulaw, as QuickTime has them, with the box
// that describes plain samples turned into free space.
const (
	plainEntry = "ipcm" // ISO/IEC 23003-5
	plainBox   = "pcmC"
	freeBox    = "free"
	entryHead  = 28 // of an AudioSampleEntry, behind its header (12.2.3)
)

func entryOf(law string) string {
	if law == streams.PCMU {
		return "ulaw"
	}
	return "alaw"
}

// name gives the tracks of G.711 in a header their names.
func name(head []byte, sounds []heard) error {
	return eachEntry(head, func(t *trackBox, kind, inner []byte) {
		for _, h := range sounds {
			if h.id == t.id && string(kind) == plainEntry {
				copy(kind, entryOf(h.Codec))
				copy(inner, freeBox)
			}
		}
	})
}

// unname is the reverse, in a copy. laws are the codings of the tracks that it was done for.
func unname(head []byte) (b []byte, laws map[int]string, err error) {
	b, laws = slices.Clone(head), map[int]string{}
	err = eachEntry(b, func(t *trackBox, kind, inner []byte) {
		for _, law := range []string{streams.PCMA, streams.PCMU} {
			if string(kind) == entryOf(law) {
				laws[t.id] = law
				copy(kind, plainEntry)
				copy(inner, plainBox)
				return
			}
		}
	})
	return b, laws, err
}

// eachEntry goes through the first sample entry of each track of sound: the name of it
// and of the first box within.
func eachEntry(head []byte, do func(t *trackBox, kind, inner []byte)) error {
	list, err := tracksIn(head)
	if err != nil {
		return err
	}
	for _, t := range list {
		x, err := t.find(head, "mdia", "minf", "stbl", "stsd")
		if err != nil {
			return err
		}
		from := x.body + 8 // version, flags, number of entries
		if t.id == track || from+8+entryHead+8 > x.to {
			continue
		}
		inner := from + 8 + entryHead
		do(&t, head[from+4:from+8], head[inner+4:inner+8])
	}
	return nil
}

// traf is what a fragment has of a track.
type traf struct {
	box
	id int
}

// trafs lists them in a moof.
func trafs(b []byte) (list []traf, err error) {
	way, err := find(b, "moof")
	if err != nil {
		return nil, err
	}
	all, err := boxes(b, way[0].body, way[0].to)
	if err != nil {
		return nil, err
	}
	for _, x := range all {
		if x.kind != "traf" {
			continue
		}
		id, err := content(b[x.body:x.to], 4, "tfhd")
		if err != nil {
			return nil, err
		}
		list = append(list, traf{x, int(binary.BigEndian.Uint32(id))})
	}
	return list, nil
}

// learnSound finds the track of a fragment's sound: the second in it.
func (p *piece) learnSound(b []byte) error {
	list, err := trafs(b)
	if err == nil && len(list) > 1 {
		p.sound = list[1].id
	}
	return err
}

// editOf reads where a track's edit list begins; it has the form that edit gives it.
func editOf(head []byte, t *trackBox) (media int64, err error) {
	x, err := t.find(head, "edts", "elst")
	if err != nil {
		return 0, err
	}
	if x.to-x.body < 24 || head[x.body] != 1 {
		return 0, errBoxes
	}
	return int64(binary.BigEndian.Uint64(head[x.body+16:])), nil
}

// putEdit changes it; editOf has read it.
func putEdit(head []byte, t *trackBox, media int64) {
	if x, err := t.find(head, "edts", "elst"); err == nil {
		binary.BigEndian.PutUint64(head[x.body+16:], uint64(media))
	}
}
