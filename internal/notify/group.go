package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// group puts deliveries into letters. On a shared channel the recipients of one
// message stand on one letter. Messages of one cluster that wait for the same
// receiver become one letter, but none about life safety: each of those is a
// letter of its own. A letter that was tried already stays as it is.
func (n *Notify) group(_ context.Context, _ time.Time, es []*envelope) ([]*envelope, error) {
	byKey := map[string]*envelope{}
	var out []*envelope
	for _, e := range es {
		key := letterKey(e)
		if to := byKey[key]; to != nil && len(to.rows) < mostInLetter {
			to.rows = append(to.rows, e.rows...)
			continue
		}
		byKey[key] = e
		out = append(out, e)
	}
	return out, nil
}

// mostInLetter keeps a letter within what robots take; more are the next letter.
const mostInLetter = 50

func letterKey(e *envelope) string {
	d := &e.rows[0]
	if d.Letter != "" {
		return "again\x00" + d.Letter
	}
	parts := []string{d.Channel, string(d.language)}
	if !e.lane.Shared {
		parts = append(parts, d.Account, d.Address)
	}
	if d.LifeSafety || d.cluster == "" {
		return strings.Join(append(parts, "message", d.message), "\x00")
	}
	return strings.Join(append(parts, "cluster", d.cluster), "\x00")
}

// letter writes what the envelope carries.
func (e *envelope) letter() *Letter {
	d := &e.rows[0]
	l := &Letter{
		ID: e.id(), Language: d.language, Subject: d.language.in(d.Subject), Body: d.language.in(d.body),
		Priority: d.Priority, LifeSafety: d.LifeSafety, At: d.CreatedAt,
	}
	var subjects []string
	for i := range e.rows {
		r := &e.rows[i]
		if to := (Addressee{r.Account, r.Name, r.Address}); !slices.Contains(l.To, to) {
			l.To = append(l.To, to)
		}
		if r.Alarm != "" && !slices.Contains(l.Alarms, r.Alarm) {
			l.Alarms = append(l.Alarms, r.Alarm)
		}
		if s := r.language.in(r.Subject); !slices.Contains(subjects, s) {
			subjects = append(subjects, s)
		}
		if r.Priority.Rank() < l.Priority.Rank() {
			l.Priority = r.Priority
		}
	}
	if len(subjects) > 1 {
		l.Subject, l.Body = several(d.language, subjects)
	}
	return l
}

// id is what the receiver knows the letter by: that of the first attempt.
func (e *envelope) id() string {
	d := &e.rows[0]
	if d.Letter != "" {
		return d.Letter
	}
	return fmt.Sprintf("%s.%d", d.message, d.ID)
}

// several is the text of a letter with more than one message: the first says what
// it is about, all are listed.
func several(l Language, subjects []string) (subject, body string) {
	if l == English {
		subject = fmt.Sprintf("%s (and %d more)", subjects[0], len(subjects)-1)
	} else {
		subject = fmt.Sprintf("%s（另有 %d 条）", subjects[0], len(subjects)-1)
	}
	return subject, strings.Join(subjects, "\n")
}
