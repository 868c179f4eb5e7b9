package streams

import "bytes"

// maxPPS is more than any camera has picture parameter sets.
const maxPPS = 16

// newer are the parameter sets after those of one access unit, of which some may be
// none. Cameras send several picture parameter sets, some of them each in a unit of
// its own, so one takes only the place of that with its number, unless another
// sequence begins.
func newer(sps, pps, newSPS, newPPS [][]byte, header int) (s, p [][]byte) {
	if len(newSPS) > 0 && len(newSPS[0]) <= maxSPS {
		if len(newPPS) > 0 && (len(sps) == 0 || !bytes.Equal(sps[0], newSPS[0])) {
			pps = nil
		}
		sps = newSPS
	}
	for _, n := range newPPS {
		pps = replaced(pps, n, header)
	}
	return sps, pps
}

// replaced is the list with one set in the place of that with its number. header is the
// length of a NAL unit's header.
func replaced(pps [][]byte, n []byte, header int) [][]byte {
	id := setNumber(n, header)
	for i, old := range pps {
		if setNumber(old, header) == id {
			out := append([][]byte(nil), pps...)
			out[i] = n
			return out
		}
	}
	if len(pps) >= maxPPS {
		pps = pps[1:]
	}
	return append(append([][]byte(nil), pps...), n)
}

// setNumber is the number with which a picture parameter set begins: ue(v), at most 255
// (H.264, 7.4.2.2 and 9.1; H.265, 7.4.3.3.1).
func setNumber(n []byte, header int) int {
	zeros, at := 0, header*8
	bit := func() int {
		if at/8 >= len(n) {
			return 1
		}
		b := int(n[at/8]>>(7-at%8)) & 1
		at++
		return b
	}
	for bit() == 0 {
		if zeros++; zeros > 8 {
			return -1
		}
	}
	v := 1
	for range zeros {
		v = v<<1 | bit()
	}
	return v - 1
}
