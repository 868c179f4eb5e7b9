package official

import (
	"cmp"
	"context"
	"database/sql"
	"net/http"
	"strings"
	"time"

	"dongyue/internal/cap"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

// Warning is a message as residents see it.
type Warning struct {
	ID          string   `json:"id"`
	At          string   `json:"at" format:"date-time"`
	Over        bool     `json:"over" doc:"it was cancelled or updated; one that has expired says so by its until"`
	Exercise    bool     `json:"exercise"`
	Colour      string   `json:"colour" enum:"white,blue,yellow,orange,red"`
	Headline    string   `json:"headline"`
	Description string   `json:"description"`
	Instruction string   `json:"instruction"`
	Sender      string   `json:"sender" doc:"who warns"`
	Area        string   `json:"area"`
	Zones       []string `json:"zones" doc:"each with all below"`
	Until       string   `json:"until" format:"date-time"`
}

// warning is what residents see of a message; nil for what is not for them. What it says of
// other places, and what was over when it came, is not.
func (o *Official) warning(ctx context.Context, e *Entry) *Warning {
	m := e.Message
	if m == nil || !public(m) || m.MsgType == cap.Cancel {
		return nil
	}
	switch e.State {
	case Speaking, Failed, Cancelled, Updated:
	case Received, Silent, Elsewhere, Expired, Refused, Replayed:
		return nil
	}
	_, said := o.where(ctx, m, e.at)
	x := here(said)
	if x == nil {
		if said, x = m, here(m); x == nil {
			return nil
		}
	}
	var places []string
	for _, a := range x.Areas {
		places = append(places, a.Desc)
	}
	return &Warning{
		ID: e.ID, At: e.At, Over: e.State == Cancelled || e.State == Updated, Exercise: m.Status == cap.StatusExercise, Colour: colour(said),
		Headline: cmp.Or(x.Headline, x.Event), Description: x.Description, Instruction: x.Instruction, Sender: cmp.Or(x.SenderName, m.Sender),
		Area: strings.Join(places, "、"), Zones: e.Zones, Until: ms(until(said, e.at)),
	}
}

// tellHomes lets residents' phones know; they show what is about their own home.
func (o *Official) tellHomes(ctx context.Context, tx *sql.Tx, e *Entry) error {
	w := o.warning(ctx, e)
	if w == nil {
		return nil
	}
	_, err := o.feed.Append(ctx, tx, "warning", w)
	return err
}

type warningsOutput struct {
	Body struct {
		Items []Warning `json:"items"`
		Next  string    `json:"next" doc:"always empty: only what holds now is listed"`
	}
}

// registerHome adds what residents ask.
func (o *Official) registerHome(a *web.API) {
	web.Register(a, web.Op{
		Method: http.MethodGet, Path: "/home/warnings", Summary: "Warnings of the authorities that hold at my home, newest first", Tag: "home", Action: web.Home,
	}, o.getWarnings)
}

func (o *Official) getWarnings(ctx context.Context, _ *struct{}) (*warningsOutput, error) {
	who, _ := web.Who(ctx)
	home := ""
	if o.o.Homes != nil && who.Person != "" {
		home = o.o.Homes.Home(who.Person)
	}
	now := time.Now()
	// What lasts longer is told again by its sender.
	all, err := o.entries(ctx, `WHERE state IN (?, ?) AND at > ? ORDER BY seq DESC LIMIT 100`, string(Speaking), string(Failed), now.Add(-7*24*time.Hour).UnixMilli())
	if err != nil {
		return nil, err
	}
	out := &warningsOutput{}
	out.Body.Items = []Warning{}
	for i := range all {
		if w := o.warning(ctx, &all[i]); w != nil && w.Until > ms(now) && concerns(w.Zones, home) {
			out.Body.Items = append(out.Body.Items, *w)
		}
	}
	return out, nil
}

// concerns tells whether a home lies in one of the zones; where it lies is not known of
// everybody, and a warning too many is better than one too few.
func concerns(zones []string, home string) bool {
	if home == "" {
		return true
	}
	for _, z := range zones {
		if event.Within(home, z) {
			return true
		}
	}
	return false
}
