package journal

// gap is a place in a file that can't be read.
type gap struct{ at, size int64 }

// found is what a file holds.
type found struct {
	last   uint64 // newest number
	end    int64  // behind the newest record; 0: this is no segment
	damage []gap  // in front of it, of what had been synced
}

// survey looks through a whole file. What can't be read at its end is a torn
// tail and no damage, unless a record of a later group follows.
func survey(b []byte) (x found) {
	if len(b) < len(magic) || string(b[:len(magic)]) != magic {
		return x
	}
	i := len(magic)
	x.end = int64(i)
	for i < len(b) {
		if body, size, ok := bodyOf(b[i:]); ok {
			if seq, _, ok := place(body); ok {
				i += size
				x.last, x.end = max(x.last, seq), int64(i)
				continue
			}
		}
		next, group := resync(b, i, 0)
		if next < 0 || group <= int64(i) {
			// Nothing behind, or only more of the group that was torn: pages of one
			// write reach the disk in any order.
			return x
		}
		x.damage = append(x.damage, gap{int64(i), int64(next - i)})
		i = next
	}
	return x
}

// resync looks for the first record of a later group behind an unreadable place,
// else for the first record at all; -1: there is none. b stands at offset base of
// its file.
func resync(b []byte, from int, base int64) (at int, group int64) {
	at = -1
	for i := from + 1; i+recordHead+minBody <= len(b); i++ {
		if b[i+3] != 0 { // a length is below 2^20
			continue
		}
		body, size, ok := bodyOf(b[i:])
		if !ok {
			continue
		}
		seq, g, ok := place(body)
		if !ok || seq == 0 || g > base+int64(i) {
			continue
		}
		if at < 0 {
			at, group = i, g
		}
		if g > base+int64(from) {
			return at, g // what stands between is of use too
		}
		i += size - 1
	}
	return at, group
}
