package alarm

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"time"
)

// newID makes an id of 26 letters that sorts by time, in the form of a ULID. Its
// last 16 letters are not random but made from what was raised, so that a replay
// gives the same ids; n tells apart what would be the same.
func newID(s *Signal, at time.Time, n int) string {
	return idOf(at, fmt.Appendf(nil, "%s\x00%s\x00%s\x00%d\x00%s\x00%d\x00%d",
		s.Rule, s.Device, s.Part, at.UnixNano(), s.Evidence.ID, s.Evidence.Seq, n))
}

// incidentID is the id of the incident that the alarm opens.
func incidentID(al *Alarm) string { return idOf(al.RaisedAt, []byte("incident\x00"+al.ID)) }

func idOf(at time.Time, of []byte) string {
	var b [16]byte
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(max(at.UnixMilli(), 0))) //nolint:gosec // not negative
	copy(b[:6], ms[2:])
	sum := sha256.Sum256(of)
	copy(b[6:], sum[:10])
	// 128 bits in 26 letters of 5: a ULID puts the two spare bits in front.
	var padded [20]byte
	shifted := padded[:17]
	for i := range b {
		shifted[i] |= b[i] >> 2
		shifted[i+1] |= b[i] << 6
	}
	return base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding).EncodeToString(padded[:])[:26]
}
