package whep

import (
	"io"
	"net/http"
	"slices"
	"strings"
)

// matches compares If-Match with the ICE session as it is now, or answers. It is
// required, since what belongs to an ICE session of before would do harm to this
// one (RFC 9725, 4.3.1). Hold x.nego.
func (x *session) matches(w http.ResponseWriter, r *http.Request) bool {
	want := r.Header.Values("If-Match")
	if len(want) == 0 || want[0] == "" {
		fail(w, http.StatusPreconditionRequired, "whep.etag_required", `send If-Match with the ETag of the answer, or with * to restart ICE`)
		return false
	}
	tags := strings.FieldsFunc(strings.Join(want, ","), func(c rune) bool { return c == ',' || c == ' ' || c == '\t' })
	if !slices.Contains(tags, "*") && !slices.Contains(tags, x.etag) {
		fail(w, http.StatusPreconditionFailed, "whep.etag", "this belongs to another ICE session: use the ETag of the newest answer, or POST a new offer")
		return false
	}
	return true
}

// knows tells whether a user fragment is the one of the viewer's newest offer.
func (x *session) knows(ufrag string) bool {
	d := x.pc.RemoteDescription()
	return d != nil && containsLine(d.SDP, "a=ice-ufrag:"+ufrag)
}

// restart takes new credentials of the viewer and makes new ones of ours, or answers
// why not. Until the new way is found nothing gets through; then the viewer asks for
// what it missed. Hold x.nego.
func (s *Server) restart(w http.ResponseWriter, x *session, f fragment) (answer string, ok bool) {
	if !credentials(f.ufrag, f.pwd) {
		fail(w, http.StatusBadRequest, "whep.bad_fragment", "a=ice-ufrag takes 4 to 256 letters, digits, + and /, a=ice-pwd 22 to 256 (RFC 8839, 5.4)")
		return "", false
	}
	answer, err := x.negotiate(renewed(x.pc.RemoteDescription().SDP, f))
	if err != nil {
		s.log.Debug("restart refused", "camera_id", x.name, "err", err)
		fail(w, http.StatusUnprocessableEntity, "whep.no_restart", "ICE can't be restarted now: POST a new offer, pictures come at once")
		return "", false
	}
	x.etag, x.tried = newTag(), 0
	return excerpt(advertise(answer, s.o.Hosts)), true
}

// restarted answers with our side of the new ICE session.
func (x *session) restarted(w http.ResponseWriter, answer string) {
	h := w.Header()
	cors(h)
	h.Set("Content-Type", typeFrag)
	h.Set("ETag", x.etag)
	h.Set("Accept-Patch", typeFrag)
	h.Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, answer) //nolint:gosec // G705: SDP of our own making, sent as such
}

// credentials checks what will stand in an offer (RFC 8839, 5.4).
func credentials(ufrag, pwd string) bool {
	good := func(s string, least int) bool {
		return len(s) >= least && len(s) <= 256 && strings.IndexFunc(s, func(c rune) bool {
			return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '+' && c != '/'
		}) < 0
	}
	return good(ufrag, 4) && good(pwd, 22)
}

// renewed is an offer with other credentials and without candidates; those of the
// fragment are added behind it.
func renewed(offer string, f fragment) string {
	var out strings.Builder
	for line := range strings.Lines(offer) {
		key, _, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		switch key {
		case "a=ice-ufrag":
			line = "a=ice-ufrag:" + f.ufrag + "\r\n"
		case "a=ice-pwd":
			line = "a=ice-pwd:" + f.pwd + "\r\n"
		case "a=candidate", "a=end-of-candidates":
			continue
		}
		out.WriteString(line)
	}
	return out.String()
}

// excerpt is what a fragment has of an answer: the credentials and candidates of its
// first section, in which all are bundled (RFC 8840, 9).
func excerpt(answer string) string {
	var out strings.Builder
	media := 0
	for line := range strings.Lines(answer) {
		key, _, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		if strings.HasPrefix(line, "m=") {
			if media++; media > 1 {
				break
			}
			out.WriteString(line)
			continue
		}
		switch key {
		case "a=ice-lite", "a=ice-options", "a=group", "a=mid", "a=ice-ufrag", "a=ice-pwd", "a=candidate", "a=end-of-candidates":
			out.WriteString(line)
		}
	}
	return out.String()
}
