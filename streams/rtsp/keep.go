package rtsp

import (
	"strconv"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
)

// life is what keeps a session from ending. The library sends a sign of life shortly
// before the camera would end it, and does not look at the answer. Where the nonce of
// the password has become old meanwhile the answer is a refusal, and the next sign
// would come too late. So it is sent again at once.
type life struct {
	wire    *tidy // what the library reads from and writes to
	playing bool
	shift   int // requests that the library does not know of
}

// number counts those requests in (RFC 2326, 12.17).
func (l *life) number(r *base.Request) {
	if seq := r.Header["CSeq"]; l.shift > 0 && len(seq) == 1 {
		if n, err := strconv.Atoi(seq[0]); err == nil {
			r.Header["CSeq"] = base.HeaderValue{strconv.Itoa(n + l.shift)}
		}
	}
}

// keep sends a sign of life again. It runs in the library's goroutine, which is the
// only one that writes while a camera is played: receiver reports are for UDP.
func (l *line) keep(of asked) {
	n, err := strconv.Atoi(l.newest)
	if err != nil || of.method != base.Options && of.method != base.GetParameter || of.url == nil {
		return
	}
	l.shift++
	l.newest = strconv.Itoa(n + 1)
	r := &base.Request{Method: of.method, URL: of.url, Header: base.Header{"CSeq": {l.newest}, "User-Agent": {l.UserAgent}}}
	if len(of.session) > 0 {
		r.Header["Session"] = of.session
	}
	l.authorize(r)
	b, err := r.Marshal()
	if err != nil {
		return
	}
	_ = l.wire.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, _ = l.wire.Write(b) // where it fails, so does what is read
}
