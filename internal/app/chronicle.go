package app

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"dongyue/internal/alarm"
	"dongyue/internal/event"
	"dongyue/internal/journal"
	"dongyue/internal/web"
)

// chronicle hands the whole of an incident over as a table: what the hub and people
// did about it, and beside it what the devices said.
type chronicle struct {
	alarms  *alarm.Alarms
	journal *journal.Journal
}

const (
	// before an incident began its devices may have said why.
	chronicleBefore = 2 * time.Minute
	// mostRaw bounds what the devices said: an incident of a flood has many of both.
	mostRaw = 20_000
)

type chronicleIn struct {
	ID string `path:"id" maxLength:"40"`
}

type chronicleOut struct {
	Type        string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

// Register adds the operation.
func (c chronicle) Register(a *web.API) {
	web.Register(a, web.Op{
		Method: http.MethodGet, Path: "/incidents/{id}/timeline.csv", Summary: "All of an incident as a table: its time line and what its devices said", Tag: "alarms", Action: web.EventsRead,
	}, c.export)
}

// row is a line of the table.
type row struct {
	at    time.Time
	cells []string
}

func (c chronicle) export(ctx context.Context, in *chronicleIn) (*chronicleOut, error) {
	v, err := c.alarms.Incident(ctx, in.ID, 0)
	if err != nil {
		return nil, err
	}
	rows, err := c.lines(ctx, v)
	if err != nil {
		return nil, err
	}
	raw, err := c.said(ctx, v)
	if err != nil {
		return nil, fmt.Errorf("time line of %s: %w", in.ID, err)
	}
	rows = append(rows, raw...)
	slices.SortStableFunc(rows, func(a, b row) int { return a.at.Compare(b.at) })
	body, err := table(rows)
	if err != nil {
		return nil, fmt.Errorf("time line of %s: %w", in.ID, err)
	}
	return &chronicleOut{"text/csv; charset=utf-8", fmt.Sprintf("attachment; filename=%q", "incident-"+v.ID+".csv"), body}, nil
}

// lines are those of the hub and of people, page by page.
func (c chronicle) lines(ctx context.Context, v *alarm.IncidentView) (rows []row, err error) {
	for part := v; ; {
		for i := range part.Timeline {
			x := &part.Timeline[i]
			rows = append(rows, row{x.At, []string{"hub", x.DeviceName, "", x.What, x.Actor, x.Text, x.Alarm, x.Title.ZH, x.Title.EN}})
		}
		if part.MoreTimeline == 0 {
			return rows, nil
		}
		if part, err = c.alarms.Incident(ctx, v.ID, len(rows)); err != nil {
			return nil, err
		}
	}
}

// said is what the devices of the incident told, from a little before it until it was
// over. Their state is left out: it repeats what they told.
func (c chronicle) said(ctx context.Context, v *alarm.IncidentView) (rows []row, err error) {
	end := time.Now()
	if v.ClosedAt != nil {
		end = v.ClosedAt.Add(time.Second)
	}
	seen := map[string]bool{}
	for i := range v.Members {
		device := v.Members[i].Device
		if device == "" || seen[device] {
			continue
		}
		seen[device] = true
		f := journal.Filter{Device: device, From: v.RaisedAt.Add(-chronicleBefore), To: end, Limit: 1000}
		for len(rows) < mostRaw {
			evs, err := c.journal.Query(ctx, f)
			if err != nil {
				return nil, err
			}
			for i := range evs {
				if evs[i].Channel != event.State {
					rows = append(rows, utterance(&evs[i]))
				}
			}
			if len(evs) < f.Limit {
				break
			}
			f.After = evs[len(evs)-1].Seq
		}
	}
	return rows, nil
}

func utterance(e *event.Event) row {
	late := ""
	if e.Late {
		late = "late"
	}
	return row{e.At, []string{"device", e.Device, e.Part, cmp.Or(e.Type, string(e.Channel)), late, string(e.Readable()), strconv.FormatUint(e.Seq, 10), "", ""}}
}

// table is RFC 4180 with the mark by which a spreadsheet knows UTF-8. What comes from
// devices and people and looks like a formula is made text.
func table(rows []row) ([]byte, error) {
	b := bytes.NewBufferString("\uFEFF")
	w := csv.NewWriter(b)
	w.UseCRLF = true
	if err := w.Write([]string{"at", "source", "device", "part", "what", "who", "text", "ref", "title_zh", "title_en"}); err != nil {
		return nil, err
	}
	for i := range rows {
		cells := []string{rows[i].at.UTC().Format("2006-01-02T15:04:05.000Z")}
		for _, c := range rows[i].cells {
			if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) {
				c = "'" + c
			}
			cells = append(cells, c)
		}
		if err := w.Write(cells); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}
