package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"dongyue/internal/event"
	"dongyue/rules"
)

// whyAnswer is an explanation as the hub gives it.
type whyAnswer struct {
	rules.Explanation
	Alarm *struct {
		ID, State string
	}
	Transitions []struct {
		At                time.Time
		Actor, What, Text string
	}
	Actions []struct {
		Type          string
		Text          event.Text
		State, Result string
		Command       *struct{ ID, Status, Error string }
		Replies       []struct {
			At            time.Time
			Status, Error string
		}
	}
}

func rulesExplain() *cobra.Command {
	k := &client{}
	var rule, device, part string
	c := &cobra.Command{
		Use:     "explain [ALARM]",
		Short:   "why an alarm was raised and what came of it; or why a rule is not raised for a device",
		Example: "  dongyue rules explain 20261128-7c1f\n  dongyue rules explain --rule charger.hot_plug --device charger-e01 --part 7",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path := ""
			switch {
			case len(args) == 1 && rule == "" && device == "":
				path = "/alarms/" + url.PathEscape(args[0]) + "/explain"
			case len(args) == 0 && rule != "" && device != "":
				path = "/rules/" + url.PathEscape(rule) + "/explain?" + url.Values{"device": {device}, "part": {part}}.Encode()
			default:
				return coded{errors.New("name an alarm, or --rule and --device; see dongyue rules explain --help"), exitUsage}
			}
			var x whyAnswer
			raw, err := k.call(c.Context(), http.MethodGet, path, nil, &x)
			if err != nil {
				return err
			}
			if k.asJSON {
				_, err = c.OutOrStdout().Write(raw)
				return err
			}
			printWhy(c.OutOrStdout(), &x)
			return nil
		},
	}
	k.bind(c)
	f := c.Flags()
	f.StringVar(&rule, "rule", "", "id of a rule, with --device: why it is raised, or not")
	f.StringVar(&device, "device", "", "id of a device, or zone:ID for a group")
	f.StringVar(&part, "part", "", "part of the device; without it, that of the newest event")
	return c
}

func printWhy(out io.Writer, x *whyAnswer) {
	state := "not raised"
	if x.Raised {
		state = "raised"
	}
	fmt.Fprintf(out, "%s for %s: %s\n%s\n\n", x.Rule, subject(x.Device, x.Part), state, speak(x.Conclusion))
	for _, r := range x.Why {
		mark := "ok"
		if !r.OK {
			mark = "no"
		}
		indent := ""
		if r.Expr != "" {
			indent = "  "
		}
		fmt.Fprintf(out, "  %s  %-9s %s%s\n", mark, r.What, indent, speak(r.Text))
	}
	if x.Event != nil {
		fmt.Fprintf(out, "\nevent %d of %s: %s\n", x.Event.Seq, x.Event.Device, x.Event.Data)
	}
	if len(x.Transitions) > 0 && x.Alarm != nil {
		fmt.Fprintf(out, "\nalarm %s, %s\n", x.Alarm.ID, x.Alarm.State)
	}
	for _, t := range x.Transitions {
		fmt.Fprintf(out, "  %s  %-14s %s %s\n", t.At.UTC().Format("2006-01-02 15:04:05.000"), t.What, t.Actor, t.Text)
	}
	if len(x.Actions) > 0 {
		fmt.Fprintln(out, "\nactions")
	}
	for _, a := range x.Actions {
		fmt.Fprintf(out, "  %-8s %s\n", a.State, speak(a.Text))
		switch {
		case a.Command != nil:
			fmt.Fprintf(out, "           command %s: %s %s\n", a.Command.ID, a.Command.Status, a.Command.Error)
		case a.Result != "":
			fmt.Fprintf(out, "           %s\n", a.Result)
		}
		for _, r := range a.Replies {
			fmt.Fprintf(out, "           the device at %s: %s %s\n", r.At.UTC().Format("15:04:05.000"), r.Status, r.Error)
		}
	}
}
