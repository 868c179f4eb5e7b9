package lighting

import (
	"context"
	"net/http"
	"slices"
	"time"

	"dongyue/internal/web"
)

const tag = "lighting"

type whole struct {
	Body struct {
		Version   uint64      `json:"version" doc:"of the plan; 0: the shipped one"`
		Plan      Plan        `json:"plan"`
		Place     Place       `json:"place"`
		TimeZone  string      `json:"time_zone"`
		Night     Night       `json:"night" doc:"the one that runs, from noon to noon"`
		Groups    []GroupView `json:"groups"`
		Overrides []Override  `json:"overrides"`
	}
}

type planIn struct {
	Body struct {
		Version uint64 `json:"version" doc:"the one that was changed"`
		Plan    Plan   `json:"plan"`
	}
}

type overrideIn struct {
	Body struct {
		Target string    `json:"target" maxLength:"80" example:"group:all"`
		Pct    int       `json:"pct" minimum:"0" maximum:"100"`
		Until  time.Time `json:"until"`
		Reason string    `json:"reason" maxLength:"500"`
	}
}

type overrideOut struct{ Body Override }

type byID struct {
	ID string `path:"id" maxLength:"40"`
}

type lampsOut struct {
	Body struct {
		Items []LampView `json:"items"`
	}
}

type sunIn struct {
	From string `query:"from" maxLength:"10" doc:"first date, 2026-02-16; empty: today"`
	Days int    `query:"days" minimum:"1" maximum:"366" default:"7"`
}

type sunOut struct {
	Body struct {
		Items []Night `json:"items"`
	}
}

type energyIn struct {
	From string `query:"from" maxLength:"10" doc:"first day, by local time; empty: a week ago"`
	To   string `query:"to" maxLength:"10" doc:"last day; empty: today"`
	By   string `query:"by" enum:"group,lamp" default:"group"`
}

type energyOut struct {
	Body struct {
		Items []DayEnergy `json:"items"`
	}
}

// Register adds the operations.
func (l *Lighting) Register(api *web.API) {
	op := func(method, path, summary string, action web.Action) web.Op {
		return web.Op{Method: method, Path: path, Summary: summary, Tag: tag, Action: action}
	}
	web.Register(api, op(http.MethodGet, "/lighting", "Programmes, calendars, groups, and how lamps burn now", web.DevicesRead),
		func(ctx context.Context, _ *struct{}) (*whole, error) { return l.whole(ctx), nil })
	web.Register(api, op(http.MethodGet, "/lighting/lamps", "Every lamp: what it does and what it should", web.DevicesRead),
		func(ctx context.Context, _ *struct{}) (*lampsOut, error) {
			out := &lampsOut{}
			_, out.Body.Items = l.view(ctx)
			return out, nil
		})
	web.Register(api, op(http.MethodPut, "/lighting/plan", "Replace programmes, calendars and groups", web.LightingWrite),
		func(ctx context.Context, in *planIn) (*whole, error) {
			if err := l.SetPlan(ctx, actor(ctx), in.Body.Plan, in.Body.Version); err != nil {
				return nil, err
			}
			return l.whole(ctx), nil
		})
	o := op(http.MethodPost, "/lighting/overrides", "Set lamps for a while, whatever the programme says", web.DevicesCommand)
	o.Status = http.StatusCreated
	web.Register(api, o, func(ctx context.Context, in *overrideIn) (*overrideOut, error) {
		b := in.Body
		if err := l.reached(ctx, b.Target); err != nil {
			return nil, err
		}
		made, err := l.Set(ctx, actor(ctx), Override{Target: b.Target, Pct: b.Pct, Until: b.Until, Reason: b.Reason})
		if err != nil {
			return nil, err
		}
		return &overrideOut{made}, nil
	})
	web.Register(api, op(http.MethodDelete, "/lighting/overrides/{id}", "Give lamps back to their programme", web.DevicesCommand),
		func(ctx context.Context, in *byID) (*struct{}, error) {
			if err := l.reached(ctx, l.target(in.ID)); err != nil {
				return nil, err
			}
			return nil, l.Take(ctx, actor(ctx), in.ID)
		})
	web.Register(api, op(http.MethodGet, "/lighting/sun", "When the sun goes and comes, night by night", web.DevicesRead), l.getSun)
	web.Register(api, op(http.MethodGet, "/lighting/energy", "What lamps took, by day", web.DevicesRead), l.getEnergy)
}

func actor(ctx context.Context) string {
	who, _ := web.Who(ctx)
	return who.ID
}

// reached refuses an account that does not act wherever the lamps of a target stand.
func (l *Lighting) reached(ctx context.Context, target string) error {
	ids, _ := l.lampsOf(ctx, target)
	for _, x := range l.o.Lamps.Lamps(ctx) {
		if slices.Contains(ids, x.ID) && !web.Reaches(ctx, x.Zone) {
			return web.Fail(http.StatusForbidden, "lighting.not_your_zone", "your account does not act in the zones of all these lamps; ask somebody whose account does")
		}
	}
	return nil
}

// target is that of an override; "" for none.
func (l *Lighting) target(id string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.IndexFunc(l.overrides, func(o Override) bool { return o.ID == id }); i >= 0 {
		return l.overrides[i].Target
	}
	return ""
}

func (l *Lighting) whole(ctx context.Context) *whole {
	out := &whole{}
	b := &out.Body
	b.Groups, _ = l.view(ctx)
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	b.Version, b.Plan, b.Place, b.TimeZone, b.Night = l.version, l.plan, l.o.Place, l.o.Zone.String(), l.night(now)
	b.Overrides = append([]Override{}, inForce(l.overrides, now)...)
	return out
}

// date reads a date of a query.
func (l *Lighting) date(text, name string, days int) (Date, error) {
	if text == "" {
		y, m, d := l.now().In(l.o.Zone).AddDate(0, 0, days).Date()
		return Date{y, m, d}, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return Date{}, web.Fail(http.StatusUnprocessableEntity, "lighting.bad_date", name+": a date such as 2026-02-16 is wanted")
	}
	y, m, d := t.Date()
	return Date{y, m, d}, nil
}

func (l *Lighting) getSun(_ context.Context, in *sunIn) (*sunOut, error) {
	d, err := l.date(in.From, "from", 0)
	if err != nil {
		return nil, err
	}
	out := &sunOut{}
	for range in.Days {
		out.Body.Items = append(out.Body.Items, l.night(d.noon(l.o.Zone)))
		d = d.next(1)
	}
	return out, nil
}

func (l *Lighting) getEnergy(ctx context.Context, in *energyIn) (*energyOut, error) {
	first, err := l.date(in.From, "from", -6)
	if err != nil {
		return nil, err
	}
	last, err := l.date(in.To, "to", 0)
	if err != nil {
		return nil, err
	}
	if last.before(first) || first.next(maxEnergyDays).before(last) {
		return nil, web.Fail(http.StatusUnprocessableEntity, "lighting.bad_date", "to: a day from the first on is wanted, at most a year later")
	}
	out := &energyOut{}
	out.Body.Items, err = l.energy(ctx, first, last, in.By == "lamp")
	return out, err
}
