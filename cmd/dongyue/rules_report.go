package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"dongyue/rules"
)

// How much of a report is printed; --json has all of it.
const (
	shownRules = 20
	shownDiff  = 20
	widest     = 40 // of a bar
)

func printReport(out io.Writer, r *rules.Report) error {
	const stamp = "2006-01-02 15:04"
	fmt.Fprintf(out, "%s – %s UTC (%s), %d events\n\n", r.From.Format(stamp), r.To.Format(stamp), days(r.To.Sub(r.From)), r.Events)
	if r.Compared {
		fmt.Fprintf(out, "alarms raised   %d, by the rules in force %d (%+d); %d at another time\n", r.Raised, r.LiveRaised, r.Raised-r.LiveRaised, r.Moved)
	} else {
		fmt.Fprintf(out, "alarms raised   %d\n", r.Raised)
	}
	fmt.Fprintf(out, "priorities      critical %.1f %%, high %.1f %%, medium %.1f %%, low %.1f %%\n\n", r.Mix.Critical, r.Mix.High, r.Mix.Medium, r.Mix.Low)
	for _, v := range r.Verdicts {
		mark := "ok "
		if !v.OK {
			mark = "!! "
		}
		fmt.Fprintln(out, mark, speak(v.Text))
	}
	printRules(out, r)
	printDays(out, r)
	printDiff(out, r)
	fmt.Fprintln(out)
	for _, n := range r.Notes {
		fmt.Fprintln(out, "note:", speak(n))
	}
	return nil
}

func days(d time.Duration) string {
	if d >= 48*time.Hour {
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	}
	return d.Round(time.Minute).String()
}

func printRules(out io.Writer, r *rules.Report) {
	if len(r.Rules) == 0 {
		return
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "RULE\tPRIORITY\tRAISED\tIN FORCE\tSUBJECTS\tNOISIEST")
	for _, x := range r.Rules[:min(len(r.Rules), shownRules)] {
		var noisy []string
		for _, n := range x.Noisiest[:min(len(x.Noisiest), 3)] {
			noisy = append(noisy, fmt.Sprintf("%s %d", subject(n.Device, n.Part), n.Count))
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\n", x.Rule, x.Priority, x.Raised, x.LiveRaised, x.Subjects, strings.Join(noisy, ", "))
	}
	_ = w.Flush()
	more(out, len(r.Rules)-shownRules, "rules")
}

func more(out io.Writer, n int, what string) {
	if n > 0 {
		fmt.Fprintf(out, "… and %d more %s\n", n, what)
	}
}

func subject(device, part string) string {
	if part == "" {
		return device
	}
	return device + "/" + part
}

// printDays draws a bar for each day, or for each hour of a short span.
func printDays(out io.Writer, r *rules.Report) {
	form, each := "01-02 15:04", time.Hour
	if len(r.Hours) > 48 {
		form, each = "01-02", 24*time.Hour
	}
	type bar struct {
		at    time.Time
		count int
	}
	var bars []bar
	for _, h := range r.Hours {
		at := h.At.Truncate(each)
		if n := len(bars); n == 0 || !bars[n-1].at.Equal(at) {
			bars = append(bars, bar{at: at})
		}
		bars[len(bars)-1].count += h.Count
	}
	most := slices.MaxFunc(append(bars, bar{}), func(a, b bar) int { return a.count - b.count }).count
	if most == 0 {
		return
	}
	fmt.Fprintln(out)
	for _, b := range bars {
		fmt.Fprintf(out, "%s %6d %s\n", b.at.Format(form), b.count, strings.Repeat("▇", (b.count*widest+most-1)/most))
	}
}

func printDiff(out io.Writer, r *rules.Report) {
	if len(r.Diff) == 0 {
		return
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, d := range r.Diff[:min(len(r.Diff), shownDiff)] {
		mark := "+"
		if d.Change == "removed" {
			mark = "-"
		}
		fmt.Fprintf(w, "%s %s\t%s\t%s\t%s\n", mark, d.At.UTC().Format("2006-01-02 15:04:05"), d.Rule, d.Priority, subject(d.Device, d.Part))
	}
	_ = w.Flush()
	more(out, len(r.Diff)-shownDiff+r.DiffMore, "differences")
}
