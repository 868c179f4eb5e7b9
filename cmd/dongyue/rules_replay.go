package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"dongyue/internal/journal"
	"dongyue/rules"
)

// rerun are the flags of a replay.
type rerun struct {
	client
	since, until  string
	data, against string
}

func rulesReplay() *cobra.Command {
	r := &rerun{}
	c := &cobra.Command{
		Use:   "replay [FOLDER]",
		Short: "what rules would have raised over the journal: how much, where, and against the rules in force",
		Long: "Replays the journal of a running hub by the rules in FOLDER, or by those in force, and compares with those in force.\n" +
			"With --data it reads the journal itself, of a hub that does not run or beside one that does; then --against names\n" +
			"the rules to compare with.",
		Example: "  dongyue rules replay configs/rules --since 30d\n  dongyue rules replay new --against old --data /var/lib/dongyue --since 7d",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			do := r.remote
			if r.data != "" {
				do = r.local
			}
			report, err := do(c, args)
			if err != nil {
				return err
			}
			// How long it took stays out of the report: the same journal gives the same one.
			took := report.Seconds
			report.Seconds = 0
			if r.asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(report)
			}
			if _, err := fmt.Fprintf(c.ErrOrStderr(), "it took %.1f s\n", took); err != nil {
				return err
			}
			return printReport(c.OutOrStdout(), report)
		},
	}
	r.bind(c)
	f := c.Flags()
	f.StringVar(&r.since, "since", "7d", "from when: 30d, 36h, 2026-01-31 or 2026-01-31T08:00:00Z")
	f.StringVar(&r.until, "until", "", "to when; without it, now")
	f.StringVar(&r.data, "data", "", "folder of the hub's data: read its journal here instead of asking a hub")
	f.StringVar(&r.against, "against", "", "with --data: folder of the rules to compare with")
	return c
}

// progress shows how far a replay is, on a terminal.
type progress struct {
	out  *os.File
	told bool
}

func newProgress() *progress {
	i, err := os.Stderr.Stat()
	if err != nil || i.Mode()&os.ModeCharDevice == 0 {
		return &progress{}
	}
	return &progress{out: os.Stderr}
}

func (p *progress) show(events int, share float64) {
	if p.out != nil {
		fmt.Fprintf(p.out, "\rreplaying %3.0f %%, %d events ", 100*share, events)
		p.told = true
	}
}

func (p *progress) end() {
	if p.told {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

// remote has the hub replay, and cancels that when somebody presses Ctrl-C.
func (r *rerun) remote(c *cobra.Command, args []string) (*rules.Report, error) {
	if r.against != "" {
		return nil, coded{errors.New("--against goes with --data; a hub compares with the rules in force"), exitUsage}
	}
	body := map[string]any{"since": r.since, "until": r.until}
	if len(args) == 1 {
		files, problems := rules.ReadFiles(ruleFolder(args))
		if len(problems) == 0 {
			_, problems = files.Load()
		}
		if len(problems) > 0 {
			return nil, ruleProblems(c, problems, false)
		}
		body["files"], body["only"] = files, true
	}
	var j rules.ReplayJob
	if _, err := r.call(c.Context(), http.MethodPost, "/rules/replay", body, &j); err != nil {
		return nil, err
	}
	p := newProgress()
	defer p.end()
	for j.State == rules.Running {
		p.show(j.Events, j.Progress)
		err := pause(c.Context(), 300*time.Millisecond)
		if err == nil {
			_, err = r.call(c.Context(), http.MethodGet, "/rules/replays/"+j.ID, nil, &j)
		}
		if err != nil {
			r.cancel(c.Context(), j.ID)
			return nil, err
		}
	}
	if j.State != rules.Done {
		return nil, fmt.Errorf("the replay was %s: %s", j.State, j.Error)
	}
	return j.Report, nil
}

// cancel ends a replay that nobody waits for any more.
func (r *rerun) cancel(ctx context.Context, id string) {
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	_, _ = r.call(ctx, http.MethodDelete, "/rules/replays/"+id, nil, nil) // it ends by itself otherwise
}

// local replays a journal on this machine.
func (r *rerun) local(c *cobra.Command, args []string) (*rules.Report, error) {
	now := time.Now()
	from, err := rules.Moment(r.since, now)
	to := now
	if err == nil && r.until != "" {
		to, err = rules.Moment(r.until, now)
	}
	if err == nil && !from.Before(to) {
		err = errors.New("--since must lie before --until")
	}
	if err != nil {
		return nil, coded{err, exitUsage}
	}
	candidate, problems := rules.Load(ruleFolder(args))
	if len(problems) > 0 {
		return nil, ruleProblems(c, problems, false)
	}
	var live *rules.Set
	if r.against != "" {
		if live, problems = rules.Load(os.DirFS(r.against)); len(problems) > 0 {
			return nil, ruleProblems(c, problems, false)
		}
	}
	archive, err := journal.OpenArchive(filepath.Join(r.data, "journal.db"), nil)
	if err != nil {
		return nil, fmt.Errorf("--data %s: %w", r.data, err)
	}
	p := newProgress()
	defer p.end()
	return rules.Replay(c.Context(), rules.Rerun{Source: archive, Candidate: candidate, Live: live, From: from, To: to, Progress: p.show})
}
