package rules

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"dongyue/internal/web"
)

type replayAsk struct {
	Body struct {
		FilesOver
		Since string `json:"since" maxLength:"40" doc:"a time (RFC 3339), or how long ago: 30d, 12h"`
		Until string `json:"until,omitempty" maxLength:"40" doc:"as since; now without it"`
	}
}

type replayBegun struct {
	Body ReplayJob
}

type replayByID struct {
	ID string `path:"id" maxLength:"40"`
}

type replayList struct {
	Body struct {
		Items []ReplayJob `json:"items"`
		Next  string      `json:"next"`
	}
}

func (o Operations) registerReplays(a *web.API) {
	begin := writeOp(http.MethodPost, "/rules/replay", "Judge the journal again by files laid over those in force, or by the set in force")
	begin.Status = http.StatusAccepted
	web.Register(a, begin, o.replay)
	web.Register(a, readOp(http.MethodGet, "/rules/replays", "The last replays, without their reports"), func(context.Context, *struct{}) (*replayList, error) {
		out := &replayList{}
		out.Body.Items = o.Replays.List()
		return out, nil
	})
	web.Register(a, readOp(http.MethodGet, "/rules/replays/{id}", "How far a replay is, and its report"), func(_ context.Context, in *replayByID) (*replayBegun, error) {
		j, err := o.Replays.Get(in.ID)
		return &replayBegun{j}, replayProblem(err)
	})
	web.Register(a, writeOp(http.MethodDelete, "/rules/replays/{id}", "Cancel a replay, or forget its report"), func(_ context.Context, in *replayByID) (*struct{}, error) {
		return nil, replayProblem(o.Replays.Remove(in.ID))
	})
}

func (o Operations) replay(ctx context.Context, in *replayAsk) (*replayBegun, error) {
	now := o.Replays.o.Now()
	from, to, err := span(in.Body.Since, in.Body.Until, now)
	if err != nil {
		return nil, web.Fail(http.StatusUnprocessableEntity, "rules.replay_span", err.Error())
	}
	var set *Set // that in force, unless there are files
	if len(in.Body.Files) > 0 {
		files, err := in.Body.over(o.Book.Files())
		if err != nil {
			return nil, err
		}
		var problems []Problem
		if set, problems = files.Load(); len(problems) > 0 {
			return nil, badFiles(problems)
		}
	}
	p, _ := web.Who(ctx)
	j, err := o.Replays.Start(set, from, to, p.ID)
	if errors.Is(err, ErrReplayRuns) {
		return nil, web.Fail(http.StatusConflict, "rules.replay_running", fmt.Sprintf("replay %s is running: wait for it, or cancel it (DELETE /rules/replays/%s)", j.ID, j.ID))
	}
	return &replayBegun{j}, err
}

func replayProblem(err error) error {
	if errors.Is(err, ErrNoReplay) {
		return web.Fail(http.StatusNotFound, "rules.no_replay", err.Error())
	}
	return err
}

// span reads since and until.
func span(since, until string, now time.Time) (from, to time.Time, err error) {
	if from, err = Moment(since, now); err != nil {
		return from, to, fmt.Errorf("since %w", err)
	}
	if to = now; until != "" {
		if to, err = Moment(until, now); err != nil {
			return from, to, fmt.Errorf("until %w", err)
		}
	}
	switch {
	case !from.Before(to):
		err = errors.New("since must lie before until")
	case to.Sub(from) > longestReplay:
		err = errors.New("a replay is of at most 366 days")
	}
	return from, to, err
}

// Moment reads a time: RFC 3339, a day (2026-01-31, UTC), or how long ago (30d, 36h).
func Moment(s string, now time.Time) (time.Time, error) {
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC(), nil
		}
	}
	days, rest := 0, s
	if d, after, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.Atoi(d)
		if err != nil || n < 0 || n > 3660 {
			return time.Time{}, fmt.Errorf("%q is no time: a number of days stands before d", s)
		}
		days, rest = n, after
	}
	var ago time.Duration
	if rest != "" || days == 0 {
		var err error
		if ago, err = time.ParseDuration(rest); err != nil || ago < 0 {
			return time.Time{}, fmt.Errorf("%q is no time: write 2026-01-31T08:00:00Z, 2026-01-31, 30d or 36h", s)
		}
	}
	return now.Add(-time.Duration(days)*24*time.Hour - ago).UTC(), nil
}
