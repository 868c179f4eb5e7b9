package app

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"dongyue/devices/charger/curve"
	"dongyue/internal/simulator/packs"
)

// Curves puts the judgement of charging curves to the test on drawn sessions.
type Curves struct {
	Runaways, Normal int
	Seed             uint64
	Workers          int // at once; 0: 1
}

// Before is how long ahead of the flame a runaway must be found to count, as it
// takes to leave a building.
const Before = 2 * time.Minute

// CurveRow is what came of the sessions of one kind.
type CurveRow struct {
	Kind     packs.Kind
	Burns    bool
	Sessions int
	Told     int // somebody was told in time; of a normal session: at all
	Cut      int // the socket was cut in time; of a normal session: at all
	Smelt    int // Told, with a gas sensor in the shed
	Blind    int // of those that burn: neither meter nor plug showed anything in time
	leads    []float64
	Why      map[string]int // findings that told first or cut
}

// Lead is the median time from the first finding to the flame.
func (r *CurveRow) Lead() time.Duration {
	if len(r.leads) == 0 {
		return 0
	}
	slices.Sort(r.leads)
	return time.Duration(r.leads[len(r.leads)/2] * float64(time.Second)).Round(time.Second)
}

// CurveReport is the table.
type CurveReport struct {
	Curves
	Rows              []CurveRow // normal kinds, then those that burn
	Healthy, Burning  CurveRow   // sums
	Samples           uint64
	Took, PerSample   time.Duration
	FalseCutsPer10000 float64
}

// judged is what the detector made of one session.
type judged struct {
	told, cut float64 // s since the plug went in; 0: never
	gas       float64 // s: the shed's sensor
	why       curve.Code
	samples   uint64
}

func judgeSession(l *curve.Limits, x *packs.Session) (j judged) {
	var p curve.Port
	var air curve.Air
	p.Begin(1, curve.Known{Energy: x.History.Energy, Peak: x.History.Peak, Top: x.History.Top})
	for {
		s, ok := x.Next()
		if !ok {
			return j
		}
		j.samples++
		if j.gas == 0 && air.Take(l, int64(s.S*1000)+1, s.Gas) != 0 {
			j.gas = s.S
		}
		c := p.Take(l, curve.Sample{At: int64(s.S*1000) + 1, Power: s.Power, Temp: s.Temp})
		if c == 0 {
			continue
		}
		if j.told == 0 && !c.Ends() {
			j.told, j.why = s.S, c
		}
		switch {
		case c.Cuts():
			j.cut, j.why = s.S, c
			return j
		case c.Ends() && x.Kind.Burns(): // the power is off, whatever it is called
			j.cut, j.why = s.S, c
			return j
		case c.Ends():
			return j
		}
	}
}

// Run draws and judges; ctx ends it early.
func (o Curves) Run(ctx context.Context) (CurveReport, error) {
	began := time.Now()
	l := curve.Default()
	l.Rated = l.Most / 1.1 // what is drawn draws up to 900 W
	out := CurveReport{Curves: o}
	all := make([]judged, o.Normal+o.Runaways)
	made := make([]*packs.Session, len(all))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(o.Workers, 1))
	for i := range all {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			shares := packs.Normal()
			if i >= o.Normal {
				shares = packs.Runaways()
			}
			x := packs.New(packs.Draw(shares, o.Seed, uint64(i)), o.Seed, uint64(i))
			all[i], made[i] = judgeSession(&l, x), x
			for ok := x.Kind.Burns(); ok; { // until the flame, whose time only the end tells
				_, ok = x.Next()
			}
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return out, err
	}
	out.sum(all, made)
	out.Took = time.Since(began).Round(time.Millisecond)
	out.PerSample = time.Duration(float64(out.Took) / math.Max(float64(out.Samples), 1))
	return out, nil
}

func (r *CurveReport) sum(all []judged, made []*packs.Session) {
	rows := map[packs.Kind]*CurveRow{}
	for i, x := range made {
		row := rows[x.Kind]
		if row == nil {
			row = &CurveRow{Kind: x.Kind, Burns: x.Kind.Burns(), Why: map[string]int{}}
			rows[x.Kind] = row
		}
		total := &r.Healthy
		if row.Burns {
			total = &r.Burning
		}
		r.Samples += all[i].samples
		row.add(all[i], x)
		total.add(all[i], x)
	}
	for _, row := range rows {
		r.Rows = append(r.Rows, *row)
	}
	slices.SortFunc(r.Rows, func(a, b CurveRow) int {
		if a.Burns != b.Burns {
			if a.Burns {
				return 1
			}
			return -1
		}
		return cmp.Compare(b.Sessions, a.Sessions)
	})
	r.FalseCutsPer10000 = 1e4 * float64(r.Healthy.Cut) / math.Max(float64(r.Healthy.Sessions), 1)
}

func (r *CurveRow) add(j judged, x *packs.Session) {
	r.Sessions++
	if r.Why == nil {
		r.Why = map[string]int{}
	}
	in := func(at float64) bool { return at > 0 && (!x.Kind.Burns() || x.Warning(at) >= Before.Seconds()) }
	if in(j.told) || in(j.cut) {
		r.Told++
	}
	if in(j.told) || in(j.cut) || in(j.gas) {
		r.Smelt++
	}
	if x.Kind.Burns() && (x.Sign == 0 || x.Warning(x.Sign) < Before.Seconds()) {
		r.Blind++
	}
	if in(j.cut) {
		r.Cut++
	}
	if j.told > 0 || j.cut > 0 {
		r.Why[j.why.String()]++
		if first := j.told; x.Kind.Burns() {
			if first == 0 {
				first = j.cut
			}
			r.leads = append(r.leads, x.Warning(first))
		}
	}
}

// Print writes the table.
func (r *CurveReport) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	pct := func(n, of int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/math.Max(float64(of), 1)) }
	fmt.Fprintf(t, "SESSIONS THAT END WELL\tn\ttold\twith gas sensor\tcut\tcut per 10,000\n")
	for i := range r.Rows {
		if x := &r.Rows[i]; !x.Burns {
			fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%.1f\n", x.Kind, x.Sessions, x.Told, x.Smelt, x.Cut, 1e4*float64(x.Cut)/float64(x.Sessions))
		}
	}
	h, b := &r.Healthy, &r.Burning
	fmt.Fprintf(t, "all\t%d\t%d\t%d\t%d\t%.1f\n\t\t\t\t\t\n", h.Sessions, h.Told, h.Smelt, h.Cut, r.FalseCutsPer10000)
	fmt.Fprintf(t, "RUNAWAYS\tn\ttold %.0f s ahead\twith gas sensor\tcut %.0f s ahead\tmedian lead\tno sign by then\n", Before.Seconds(), Before.Seconds())
	for i := range r.Rows {
		if x := &r.Rows[i]; x.Burns {
			fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", x.Kind, x.Sessions, pct(x.Told, x.Sessions), pct(x.Smelt, x.Sessions), pct(x.Cut, x.Sessions), x.Lead(), pct(x.Blind, x.Sessions))
		}
	}
	fmt.Fprintf(t, "all\t%d\t%s\t%s\t%s\t%s\t%s\n", b.Sessions, pct(b.Told, b.Sessions), pct(b.Smelt, b.Sessions), pct(b.Cut, b.Sessions), b.Lead(), pct(b.Blind, b.Sessions))
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nseed %d, %d samples in %s\n", r.Seed, r.Samples, r.Took)
	return err
}
