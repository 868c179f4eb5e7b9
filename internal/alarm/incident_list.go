package alarm

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// IncidentFilter of Incidents. The zero value lists the open ones.
type IncidentFilter struct {
	State  string // open ("") or all
	Zone   string // and what lies within
	Limit  int    // 0: 100, at most 1000
	Cursor string // where the page before ended
}

// Incidents reads a page: the open ones with life safety first, then by priority,
// then newest first; all by age. What was merged into another is not among them.
func (a *Alarms) Incidents(ctx context.Context, f IncidentFilter) (items []*Incident, next string, err error) {
	limit := f.Limit
	if limit <= 0 {
		limit = 100
	}
	limit = min(limit, 1000)
	where, order, args := "merged_into = ''", "id DESC", []any{}
	open := f.State != "all"
	if open {
		where, order = where+" AND closed_at IS NULL", "life_safety DESC, prio_rank, id DESC"
	}
	if f.Zone != "" {
		where += " AND (zone = ? OR zone > ? AND zone < ?)"
		args = append(args, f.Zone, f.Zone+"/", f.Zone+"0")
	}
	if f.Cursor != "" {
		clause, values, err := behind(f.Cursor, open)
		if err != nil {
			return nil, "", err
		}
		where, args = where+" AND "+clause, append(args, values...)
	}
	items, err = manyIncidents(ctx, a.o.DB.Read(), where+" ORDER BY "+order+" LIMIT ?", append(args, limit+1)...)
	if err != nil {
		return nil, "", fmt.Errorf("alarm: %w", err)
	}
	if len(items) > limit {
		items = items[:limit]
		last := items[limit-1]
		next = fmt.Sprintf("%d.%d.%s", truth(last.LifeSafety), last.Priority.Rank(), last.ID)
	}
	return items, next, nil
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// behind are the incidents after a cursor.
func behind(cursor string, open bool) (string, []any, error) {
	parts := strings.Split(cursor, ".")
	if len(parts) == 3 {
		safety, err1 := strconv.Atoi(parts[0])
		rank, err2 := strconv.Atoi(parts[1])
		switch id := parts[2]; {
		case err1 != nil || err2 != nil || id == "":
		case !open:
			return "id < ?", []any{id}, nil
		default:
			return "(life_safety < ? OR life_safety = ? AND (prio_rank > ? OR prio_rank = ? AND id < ?))", []any{safety, safety, rank, rank, id}, nil
		}
	}
	return "", nil, web.Fail(http.StatusBadRequest, "incident.bad_cursor", "send `next` of the page before as cursor, or none")
}

// IncidentView is an incident with its alarms and what happened.
type IncidentView struct {
	Incident
	Members      []Alarm        `json:"members" doc:"the root first, then those that are open, by priority"`
	MoreMembers  int            `json:"more_members" doc:"how many there are beyond these: see GET /alarms?incident="`
	Timeline     []TimelineItem `json:"timeline"`
	MoreTimeline int            `json:"more_timeline" doc:"how many lines follow: ask again with skip="`
}

// TimelineItem is a line of an incident's time line.
type TimelineItem struct {
	At         time.Time  `json:"at"`
	Alarm      string     `json:"alarm" doc:"empty: the incident as a whole"`
	DeviceName string     `json:"device_name"`
	Title      event.Text `json:"title"`
	Actor      string     `json:"actor"`
	What       string     `json:"what" doc:"as in an alarm's journal; merge, annunciate"`
	Text       string     `json:"text"`
}

const (
	mostMembers  = 1000
	mostTimeline = 5000
)

// Incident reads one; skip leaves out so many lines at the beginning of its time line.
func (a *Alarms) Incident(ctx context.Context, id string, skip int) (*IncidentView, error) {
	q := a.o.DB.Read()
	found, err := manyIncidents(ctx, q, "id = ?", id)
	if err != nil {
		return nil, fmt.Errorf("alarm: %w", err)
	}
	if len(found) == 0 {
		return nil, noIncident(id)
	}
	v := &IncidentView{Incident: *found[0]}
	v.Members, err = many(ctx, q, "incident = ? ORDER BY id <> ?, closed_at IS NOT NULL, prio_rank, raised_at, id LIMIT ?", id, v.Root, mostMembers)
	if err != nil {
		return nil, fmt.Errorf("alarm: %w", err)
	}
	v.Members = append([]Alarm{}, v.Members...)
	v.MoreMembers = max(v.Alarms-len(v.Members), 0)
	lines, err := timeline(ctx, q, id)
	if err != nil {
		return nil, fmt.Errorf("alarm: time line of %s: %w", id, err)
	}
	lines = lines[min(max(skip, 0), len(lines)):]
	v.Timeline = lines[:min(len(lines), mostTimeline)]
	v.MoreTimeline = len(lines) - len(v.Timeline)
	return v, nil
}

func noIncident(id string) error {
	return web.Fail(http.StatusNotFound, "incident.unknown", fmt.Sprintf("there is no incident %q: see GET /api/v1/incidents?state=all", id))
}

// timeline is the journals of an incident and of its alarms in one. What a person
// did to all of them at once is one line, that of the incident.
func timeline(ctx context.Context, q querier, id string) ([]TimelineItem, error) {
	rows, err := q.QueryContext(ctx, `
		SELECT at, 0 AS own, id, '' AS alarm, '' AS device_name, '' AS title_zh, '' AS title_en, actor, name, what, note FROM incident_journal WHERE incident = ?
		UNION ALL
		SELECT j.at, 1, j.id, j.alarm, a.device_name, a.title_zh, a.title_en, j.actor, j.name, j.what, j.note
		FROM alarm a JOIN alarm_journal j ON j.alarm = a.id WHERE a.incident = ?
		ORDER BY at, own, id`, id, id)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	type deed struct {
		at           int64
		actor, whats string
	}
	whole := map[deed]bool{}
	out := []TimelineItem{}
	for rows.Next() {
		var at, n int64
		var own bool
		var actor string
		var x TimelineItem
		if err := rows.Scan(&at, &own, &n, &x.Alarm, &x.DeviceName, &x.Title.ZH, &x.Title.EN, &actor, &x.Actor, &x.What, &x.Text); err != nil {
			return nil, err
		}
		k := deed{at, actor, x.What}
		if !own {
			whole[k] = true
		} else if whole[k] {
			continue
		}
		x.At = time.UnixMilli(at).UTC()
		out = append(out, x)
	}
	return out, rows.Err()
}
