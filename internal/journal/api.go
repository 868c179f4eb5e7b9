package journal

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// Register adds GET /events.
func (j *Journal) Register(a *web.API) {
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/events", Summary: "The journal of events, in order", Tag: "events", Action: web.EventsRead}, j.list)
}

type listInput struct {
	After   string    `query:"after" doc:"events behind this number; or the next of the page before"`
	Device  string    `query:"device"`
	Type    string    `query:"type" doc:"badge, smoke …"`
	Channel string    `query:"channel" doc:"event (default), state, presence, telemetry, reply, quarantine, all"`
	From    time.Time `query:"from" doc:"by the device's clock, RFC 3339"`
	To      time.Time `query:"to"`
	Order   string    `query:"order" enum:"asc,desc" default:"asc" doc:"desc: newest first"`
	Limit   int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type listOutput struct {
	Body struct {
		Items []view `json:"items"`
		Next  string `json:"next" doc:"cursor of the next page, empty after the last"`
	}
}

// view is an event as clients see it. Times have milliseconds, always three.
type view struct {
	Seq        uint64         `json:"seq"`
	ID         string         `json:"id"`
	Device     string         `json:"device"`
	Kind       event.Kind     `json:"kind"`
	Zone       string         `json:"zone"`
	Channel    event.Channel  `json:"channel"`
	Type       string         `json:"type"`
	Part       string         `json:"part"`
	Boot       string         `json:"boot"`
	BootSeq    uint64         `json:"boot_seq"`
	At         string         `json:"at" format:"date-time"`
	ReceivedAt string         `json:"received_at" format:"date-time"`
	Late       bool           `json:"late"`
	Data       map[string]any `json:"data"`
}

const stamp = "2006-01-02T15:04:05.000Z07:00"

func show(e event.Event) view {
	data := map[string]any{}
	text := e.Readable()
	if err := json.Unmarshal(text, &data); err != nil || data == nil {
		data = map[string]any{"raw": string(text)} // never for what was decoded
	}
	return view{
		Seq: e.Seq, ID: e.ID, Device: e.Device, Kind: e.Kind, Zone: e.Zone, Channel: e.Channel, Type: e.Type, Part: e.Part,
		Boot: e.Boot, BootSeq: e.BootSeq, At: e.At.Format(stamp), ReceivedAt: e.ReceivedAt.Format(stamp), Late: e.Late, Data: data,
	}
}

func (j *Journal) list(ctx context.Context, in *listInput) (*listOutput, error) {
	f := Filter{Device: in.Device, Type: in.Type, From: in.From, To: in.To, Newest: in.Order == "desc", Limit: in.Limit + 1}
	if in.After != "" {
		n, err := strconv.ParseInt(in.After, 10, 64)
		if err != nil || n < 0 {
			return nil, web.Fail(http.StatusBadRequest, "event.bad_cursor", "after is not a number: send the next of the page before, or the seq of an event")
		}
		if f.Newest {
			f.Before = uint64(n)
		} else {
			f.After = uint64(n)
		}
	}
	switch in.Channel {
	case "":
		f.Channel = event.Happening
	case "all":
	default:
		f.Channel = event.Channel(in.Channel)
		if !f.Channel.Up() && f.Channel != event.Quarantine {
			return nil, web.Fail(http.StatusBadRequest, "event.bad_channel", "channel is one of event, state, presence, telemetry, reply, quarantine, all")
		}
	}
	es, err := j.Query(ctx, f)
	if err != nil {
		return nil, err
	}
	out := &listOutput{}
	out.Body.Items = make([]view, 0, len(es))
	if len(es) > in.Limit {
		es = es[:in.Limit]
		out.Body.Next = strconv.FormatUint(es[len(es)-1].Seq, 10)
	}
	for _, e := range es {
		out.Body.Items = append(out.Body.Items, show(e))
	}
	return out, nil
}
