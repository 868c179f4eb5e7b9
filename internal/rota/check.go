package rota

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"dongyue/internal/web"
)

// Bounds. A plan of a community has two to six shifts.
const (
	mostShifts    = 50
	mostOverrides = 1000 // that are not over
	longestSwap   = 366 * 24 * time.Hour
)

func bad(code, what string) error { return web.Fail(http.StatusUnprocessableEntity, code, what) }

// checkShifts says what is wrong with the shifts, all at once.
func (r *Rota) checkShifts(shifts []Shift) error {
	var wrong []string
	if len(shifts) > mostShifts {
		wrong = append(wrong, fmt.Sprintf("%d shifts: at most %d", len(shifts), mostShifts))
	}
	seen := map[string]bool{}
	for i := range shifts {
		s := &shifts[i]
		say := func(format string, args ...any) {
			wrong = append(wrong, fmt.Sprintf("shifts[%d] %s: ", i, s.ID)+fmt.Sprintf(format, args...))
		}
		if seen[s.ID] {
			say("its id is there already")
		}
		seen[s.ID] = true
		if strings.TrimSpace(s.Name.ZH) == "" || strings.TrimSpace(s.Name.EN) == "" {
			say("name it in both languages, name: {zh, en}")
		}
		for _, c := range []string{s.From, s.To} {
			if !clockForm(c) {
				say("%q is no time of day: write 07:00", c)
			}
		}
		if len(s.Days) == 0 || slices.ContainsFunc(s.Days, func(d int) bool { return d < 1 || d > 7 }) {
			say("days are 1 (Monday) to 7 (Sunday), at least one")
		}
		for _, id := range append(slices.Clone(s.Team), s.Supervisor) {
			if id != "" && !r.known(id) {
				say("%q is no account of a person who works here", id)
			}
		}
	}
	if len(wrong) > 0 {
		return bad("rota.bad_shifts", strings.Join(wrong, "; "))
	}
	return nil
}

func clockForm(s string) bool { return regexp.MustCompile(`^([01]\d|2[0-3]):[0-5]\d$`).MatchString(s) }

func (r *Rota) checkOverride(o *Override) error {
	switch {
	case o.Out == "" && o.In == "":
		return bad("rota.bad_override", "name who is not there in `out`, who comes in `in`, or both")
	case o.Out == o.In:
		return bad("rota.bad_override", "`out` and `in` are the same person")
	case o.Out != "" && !r.known(o.Out):
		return bad("rota.bad_override", fmt.Sprintf("out: %q is no account of a person who works here", o.Out))
	case o.In != "" && !r.known(o.In):
		return bad("rota.bad_override", fmt.Sprintf("in: %q is no account of a person who works here", o.In))
	case !o.From.Before(o.To):
		return bad("rota.bad_override", "`to` must be after `from`")
	case o.To.Sub(o.From) > longestSwap:
		return bad("rota.bad_override", "longer than a year: change the shifts instead")
	case !o.To.After(r.now()):
		return bad("rota.bad_override", "it is over already")
	case strings.TrimSpace(o.Reason) == "":
		return bad("rota.bad_override", "say why in `reason`")
	}
	return nil
}
