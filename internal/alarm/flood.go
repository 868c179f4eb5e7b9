package alarm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// ISA-18.2: a flood begins when one operator is called more than ten times in ten
// minutes, and ends when it is fewer than five.
const (
	floodBegin  = 10
	floodEnd    = 5
	floodWindow = 10 * time.Minute
)

// What a change of the flood says.
const (
	FloodBegins = "begin"
	FloodEnds   = "end"
)

// Flood says whether more comes than the operators can take in, and when it did.
type Flood struct {
	Active      bool        `json:"active"`
	Since       *time.Time  `json:"since"`
	Operators   int         `json:"operators" doc:"on duty"`
	PerOperator float64     `json:"per_operator_10min" doc:"calls in the last ten minutes, those that the flood held back included"`
	Threshold   FloodLimits `json:"threshold"`
	History     []FloodSpan `json:"history" doc:"newest first"`
}

// FloodLimits are per operator in ten minutes.
type FloodLimits struct {
	Begin int `json:"begin" doc:"more than these begin a flood"`
	End   int `json:"end" doc:"fewer end it"`
}

// FloodSpan is one flood.
type FloodSpan struct {
	BeganAt       time.Time  `json:"began_at"`
	EndedAt       *time.Time `json:"ended_at"`
	Peak          int        `json:"peak_10min" doc:"calls in ten minutes"`
	Annunciations int        `json:"annunciations" doc:"how often the operators were called during the flood"`
	Held          int        `json:"held" doc:"incidents that were shown without a call"`
}

// FloodChange is the beginning or the end of a flood in the feed.
type FloodChange struct {
	Flood
	Change     string `json:"change"`
	Waiting    int    `json:"waiting" doc:"at the end: incidents that were held back and that nobody has seen yet"`
	Annunciate bool   `json:"annunciate" doc:"at the end: the operators are called to them, once"`
}

// gauge measures the calls of the last ten minutes.
type gauge struct {
	count int
	flood *FloodSpan // under way
	id    int64      // of its row; 0: it has none yet
}

const (
	callsSince = "SELECT count(*) FROM annunciation WHERE at > ?"
	floodOpen  = "SELECT id, began_at, peak, annunciations, held FROM alarm_flood WHERE ended_at IS NULL ORDER BY id DESC LIMIT 1"
)

func readGauge(ctx context.Context, q querier, now time.Time) (*gauge, error) {
	g := &gauge{}
	err := q.QueryRowContext(ctx, callsSince, now.Add(-floodWindow).UnixMilli()).Scan(&g.count)
	if err != nil {
		return nil, fmt.Errorf("count annunciations: %w", err)
	}
	var began int64
	var f FloodSpan
	err = q.QueryRowContext(ctx, floodOpen).
		Scan(&g.id, &began, &f.Peak, &f.Annunciations, &f.Held)
	switch {
	case err == nil:
		f.BeganAt = time.UnixMilli(began).UTC()
		g.flood = &f
	case !errors.Is(err, sql.ErrNoRows):
		return nil, fmt.Errorf("read flood: %w", err)
	}
	return g, nil
}

// add counts a call and reports whether a flood begins with it.
func (g *gauge) add(now time.Time, operators int) bool {
	g.count++
	if g.flood != nil || g.count <= floodBegin*operators {
		return false
	}
	g.flood = &FloodSpan{BeganAt: now}
	return true
}

// note adds the call to the flood that is under way.
func (g *gauge) note(held bool) {
	if g.flood == nil {
		return
	}
	if held {
		g.flood.Held++
	} else {
		g.flood.Annunciations++
	}
	g.flood.Peak = max(g.flood.Peak, g.count)
}

// over reports whether the flood has ended.
func (g *gauge) over(operators int) bool { return g.flood != nil && g.count < floodEnd*operators }

func (g *gauge) put(ctx context.Context, tx writer) (err error) {
	f := g.flood
	switch {
	case f == nil:
		return nil
	case g.id == 0:
		_, err = tx.ExecContext(ctx, "INSERT INTO alarm_flood(began_at, peak, annunciations, held) VALUES (?, ?, ?, ?)",
			f.BeganAt.UnixMilli(), f.Peak, f.Annunciations, f.Held)
	default:
		_, err = tx.ExecContext(ctx, "UPDATE alarm_flood SET peak = ?, annunciations = ?, held = ?, ended_at = ? WHERE id = ?",
			f.Peak, f.Annunciations, f.Held, millis(f.EndedAt), g.id)
	}
	if err != nil {
		return fmt.Errorf("write flood: %w", err)
	}
	return nil
}

// view is the flood as it is now, with the one under way or just over.
func (g *gauge) view(operators int) Flood {
	f := Flood{
		Operators: operators, PerOperator: float64(g.count) / float64(operators), Threshold: FloodLimits{floodBegin, floodEnd},
		History: []FloodSpan{},
	}
	if g.flood != nil {
		f.History = append(f.History, *g.flood)
		if g.flood.EndedAt == nil {
			f.Active, f.Since = true, &g.flood.BeganAt
		}
	}
	return f
}
