package rules

import (
	"cmp"
	"math"
	"slices"
	"time"

	"dongyue/internal/event"
)

// Report is what a set of rules would have raised in a span of the past. Raised
// means annunciations: what the operator would have heard.
type Report struct {
	From          time.Time     `json:"from"`
	To            time.Time     `json:"to"`
	Events        int           `json:"events" doc:"judged"`
	Seconds       float64       `json:"seconds,omitempty" doc:"how long the replay took"`
	Compared      bool          `json:"compared" doc:"with the set in force; else the live figures are those of the same set"`
	Raised        int           `json:"raised"`
	LiveRaised    int           `json:"live_raised"`
	Moved         int           `json:"moved" doc:"raised by both, at another time"`
	PerDay        float64       `json:"per_day"`
	Per10Min      Rate          `json:"per_10min"`
	FloodSharePct float64       `json:"flood_share_pct" doc:"of the time"`
	Floods        int           `json:"floods"`
	Chattering    int           `json:"chattering" doc:"alarms that came three times in a minute"`
	Stale         int           `json:"stale" doc:"most on one day that had stood for more than 24 h"`
	TopTenPct     float64       `json:"top_ten_pct" doc:"share of the ten noisiest sources"`
	Mix           Mix           `json:"mix" doc:"shares of the priorities, %"`
	Rules         []RuleReport  `json:"rules" doc:"the most frequent first"`
	Diff          []Difference  `json:"diff"`
	DiffMore      int           `json:"diff_more" doc:"differences that are not listed"`
	Hours         []Hour        `json:"hours"`
	Verdicts      []RateVerdict `json:"verdicts" doc:"against the limits of ISA-18.2, for one operator"`
	Notes         []event.Text  `json:"notes" doc:"what the figures do not say"`
}

// Rate of annunciations.
type Rate struct {
	Avg float64 `json:"avg"`
	Max int     `json:"max"`
}

// Mix are the shares of the priorities, in percent.
type Mix struct {
	Critical float64 `json:"critical"`
	High     float64 `json:"high"`
	Medium   float64 `json:"medium"`
	Low      float64 `json:"low"`
}

// RuleReport is one rule's part.
type RuleReport struct {
	Rule       string         `json:"rule"`
	Priority   event.Priority `json:"priority"`
	Raised     int            `json:"raised"`
	LiveRaised int            `json:"live_raised"`
	Subjects   int            `json:"subjects" doc:"devices and parts"`
	Noisiest   []Noisy        `json:"noisiest"`
}

// Noisy is a device or part and how often a rule was raised for it.
type Noisy struct {
	Device string `json:"device"`
	Part   string `json:"part"`
	Count  int    `json:"count"`
}

// Hour is an hour of the histogram, by its beginning.
type Hour struct {
	At    time.Time `json:"at"`
	Count int       `json:"count"`
	Live  int       `json:"live"`
}

// noisiest is how many of a rule's subjects are named.
const noisiest = 5

func report(r *Rerun, sides []*side, c *comparison, events int, took time.Duration) *Report {
	l, live := sides[0].ledger, sides[len(sides)-1].ledger
	span := r.To.Sub(r.From)
	out := &Report{
		From: r.From.UTC(), To: r.To.UTC(), Events: events, Seconds: round(took.Seconds()), Compared: len(sides) > 1,
		Raised: l.total, LiveRaised: live.total, Moved: c.moved,
		PerDay: round(float64(l.total) / span.Hours() * 24), Mix: mixOf(l), Rules: ruleReports(l, live),
		Chattering: l.chattering(), Stale: l.mostStale(r.Candidate), TopTenPct: topTen(l),
		Diff: append([]Difference{}, c.out...), DiffMore: c.more, Hours: hours(l, live), Notes: notes(),
	}
	flood := floods(l.minutes)
	out.Per10Min = Rate{round(float64(l.total) / span.Minutes() * 10), flood.most}
	out.Floods, out.FloodSharePct = flood.count, round(100*float64(flood.minutes)/max(span.Minutes(), 1))
	out.Verdicts = verdicts(out)
	return out
}

// round keeps two decimals.
func round(x float64) float64 { return math.Round(x*100) / 100 }

func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return round(100 * float64(n) / float64(of))
}

func mixOf(l *ledger) Mix {
	return Mix{
		Critical: share(l.mix[event.Critical], l.total), High: share(l.mix[event.High], l.total),
		Medium: share(l.mix[event.Medium], l.total), Low: share(l.mix[event.Low], l.total),
	}
}

func ruleReports(l, live *ledger) []RuleReport {
	byRule := map[string]*RuleReport{}
	of := func(id string, p event.Priority) *RuleReport {
		if byRule[id] == nil {
			byRule[id] = &RuleReport{Rule: id, Priority: p, Noisiest: []Noisy{}}
		}
		return byRule[id]
	}
	for k, a := range l.alarms {
		if a.count > 0 {
			x := of(k.rule, l.prios[k.rule])
			x.Raised += a.count
			x.Subjects++
			x.Noisiest = append(x.Noisiest, Noisy{k.device, k.part, a.count})
		}
	}
	for k, a := range live.alarms {
		if a.count > 0 {
			of(k.rule, live.prios[k.rule]).LiveRaised += a.count
		}
	}
	out := make([]RuleReport, 0, len(byRule))
	for _, x := range byRule {
		slices.SortFunc(x.Noisiest, func(a, b Noisy) int {
			return cmp.Or(b.Count-a.Count, cmp.Compare(a.Device, b.Device), cmp.Compare(a.Part, b.Part))
		})
		x.Noisiest = slices.Clone(x.Noisiest[:min(len(x.Noisiest), noisiest)])
		out = append(out, *x)
	}
	slices.SortFunc(out, func(a, b RuleReport) int {
		return cmp.Or(b.Raised-a.Raised, b.LiveRaised-a.LiveRaised, cmp.Compare(a.Rule, b.Rule))
	})
	return out
}

// topTen is the share of the ten noisiest alarms, in percent.
func topTen(l *ledger) float64 {
	counts := make([]int, 0, len(l.alarms))
	for _, a := range l.alarms {
		counts = append(counts, a.count)
	}
	slices.SortFunc(counts, func(a, b int) int { return b - a })
	sum := 0
	for _, n := range counts[:min(len(counts), 10)] {
		sum += n
	}
	return share(sum, l.total)
}

// hours sums the minutes up by the hours of the clock.
func hours(l, live *ledger) []Hour {
	var out []Hour
	for i := range l.minutes {
		at := l.from.Add(time.Duration(i) * time.Minute).UTC().Truncate(time.Hour)
		if n := len(out); n == 0 || !out[n-1].At.Equal(at) {
			out = append(out, Hour{At: at})
		}
		h := &out[len(out)-1]
		h.Count += l.minutes[i]
		h.Live += live.minutes[i]
	}
	return out
}

// flooded is how a span of time was as to floods.
type flooded struct{ most, count, minutes int }

// A flood begins with more than 10 annunciations in ten minutes and ends with less
// than 5 (ISA-18.2).
const (
	floodBegins = 10
	floodEnds   = 5
)

// floods goes over the span with a window of ten minutes.
func floods(minutes []int) (f flooded) {
	sum, in := 0, false
	for i, n := range minutes {
		if sum += n; i >= 10 {
			sum -= minutes[i-10]
		}
		f.most = max(f.most, sum)
		switch {
		case !in && sum > floodBegins:
			in = true
			f.count++
		case in && sum < floodEnds:
			in = false
		}
		if in {
			f.minutes++
		}
	}
	return f
}

// notes are what a reader of the figures must know.
func notes() []event.Text {
	return []event.Text{
		{ZH: "以 QoS 0 发送的读数不入日志,重放中没有。", EN: "Readings that were sent with QoS 0 are not in the journal, so they are not in the replay."},
		{ZH: "重放中无人确认、搁置或关闭报警,也不计再次提醒。", EN: "Nobody acknowledges, shelves or closes alarms in a replay, and re-alarms are not counted."},
	}
}
