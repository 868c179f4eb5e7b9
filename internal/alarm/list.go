package alarm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"dongyue/internal/web"
)

// Get reads an alarm with its journal.
func (a *Alarms) Get(ctx context.Context, id string) (*Alarm, error) {
	al, err := one(ctx, a.o.DB.Read(), "id = ?", id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, missing(id)
	}
	if err != nil {
		return nil, err
	}
	al.Journal, err = journal(ctx, a.o.DB.Read(), id)
	return al, err
}

// Filter of List. The zero value lists the open ones.
type Filter struct {
	State    string // open (""), all, or one of the states
	Priority string
	Device   string
	Zone     string // and what lies within
	Rule     string
	Incident string
	Limit    int    // 0: 100, at most 1000
	Cursor   string // where the page before ended
}

// List reads a page: open alarms by priority, then newest first; all others
// newest first. next is "" at the end.
func (a *Alarms) List(ctx context.Context, f Filter) (items []Alarm, next string, err error) {
	limit := f.Limit
	if limit <= 0 {
		limit = 100
	}
	limit = min(limit, 1000)
	var where []string
	var args []any
	add := func(clause string, values ...any) { where, args = append(where, clause), append(args, values...) }
	open := f.State == "" || f.State == "open"
	if open {
		add("closed_at IS NULL")
	} else if f.State != "all" {
		add("state = ?", f.State)
	}
	for _, c := range []struct{ column, value string }{{"priority", f.Priority}, {"device", f.Device}, {"rule", f.Rule}, {"incident", f.Incident}} {
		if c.value != "" {
			add(c.column+" = ?", c.value)
		}
	}
	if f.Zone != "" {
		add("(zone = ? OR substr(zone, 1, ?) = ?)", f.Zone, len([]rune(f.Zone))+1, f.Zone+"/")
	}
	order := "id DESC"
	if open {
		order = "prio_rank, id DESC"
	}
	if f.Cursor != "" {
		if err := after(f.Cursor, open, add); err != nil {
			return nil, "", err
		}
	}
	clause := strings.Join(slices.Concat([]string{"1 = 1"}, where), " AND ")
	items, err = many(ctx, a.o.DB.Read(), clause+" ORDER BY "+order+" LIMIT ?", append(args, limit+1)...)
	if err != nil {
		return nil, "", err
	}
	if len(items) > limit {
		items = items[:limit]
		last := items[limit-1]
		next = fmt.Sprintf("%d.%s", last.Priority.Rank(), last.ID)
	}
	return items, next, nil
}

func after(cursor string, open bool, add func(string, ...any)) error {
	rank, id, ok := strings.Cut(cursor, ".")
	if !ok || len(rank) != 1 || rank < "1" || rank > "5" || id == "" {
		return web.Fail(http.StatusBadRequest, "alarm.bad_cursor", "send `next` of the page before as cursor, or none")
	}
	if open {
		add("(prio_rank > ? OR prio_rank = ? AND id < ?)", int(rank[0]-'0'), int(rank[0]-'0'), id)
	} else {
		add("id < ?", id)
	}
	return nil
}
