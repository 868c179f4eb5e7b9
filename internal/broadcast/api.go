package broadcast

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"strconv"

	"dongyue/internal/web"
)

// Register adds the operations of broadcasting.
func (b *Broadcasts) Register(a *web.API) {
	const tag = "broadcasts"
	web.Register(a, web.Op{
		Method: http.MethodPost, Path: "/broadcasts", Summary: "Play a message in zones",
		Tag: tag, Action: web.Broadcast, Status: http.StatusCreated,
	}, b.post)
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/broadcasts", Summary: "Messages, newest first", Tag: tag, Action: web.Broadcast}, b.getList)
	web.Register(a, web.Op{
		Method: http.MethodGet, Path: "/broadcasts/{id}", Summary: "One message with the proof of each loudspeaker",
		Tag: tag, Action: web.Broadcast,
	}, b.get)
}

type postInput struct {
	Key  string `header:"Idempotency-Key" maxLength:"200" doc:"the same key and message again plays nothing twice"`
	Body struct {
		Zones     []string `json:"zones" doc:"zones, each with all below; \"\" is the whole community" example:"[\"east\"]"`
		Text      string   `json:"text,omitempty" maxLength:"2000"`
		URL       string   `json:"url,omitempty" maxLength:"2048" doc:"a recorded message"`
		Priority  int      `json:"priority,omitempty" minimum:"0" maximum:"6" doc:"1 fire … 6 music; without it 4, the operator's"`
		Mode      string   `json:"mode,omitempty" enum:"actual,exercise" doc:"an exercise opens with the words that say so"`
		Repeat    int      `json:"repeat,omitempty" minimum:"0" maximum:"100"`
		VolumePct *float64 `json:"volume_pct,omitempty" minimum:"0" maximum:"100"`
		Ref       string   `json:"ref,omitempty" maxLength:"200"`
	}
}

type output struct {
	Body Broadcast
}

func (b *Broadcasts) post(ctx context.Context, in *postInput) (*output, error) {
	actor := ""
	if p, ok := web.Who(ctx); ok {
		if actor = p.Login; actor == "" {
			actor = p.ID
		}
	}
	q := &in.Body
	bc, err := b.Send(ctx, Request{
		Zones: q.Zones, Text: q.Text, URL: q.URL, Priority: q.Priority, Mode: q.Mode, Repeat: q.Repeat, VolumePct: q.VolumePct,
		Key: in.Key, Actor: actor, Ref: q.Ref,
	})
	if err != nil {
		return nil, err
	}
	return &output{bc}, nil
}

func (b *Broadcasts) get(ctx context.Context, in *struct {
	ID string `path:"id"`
},
) (*output, error) {
	bc, err := byID(ctx, b.db.Read(), in.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, web.Fail(http.StatusNotFound, "broadcast.not_found", "no such broadcast: GET /api/v1/broadcasts lists them")
	}
	if err != nil {
		return nil, err
	}
	return &output{bc}, nil
}

type listInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" doc:"next of the page before"`
}

type listOutput struct {
	Body struct {
		Items []Broadcast `json:"items"`
		Next  string      `json:"next"`
	}
}

func (b *Broadcasts) getList(ctx context.Context, in *listInput) (*listOutput, error) {
	before := int64(1) << 62
	if in.Cursor != "" {
		n, err := strconv.ParseInt(in.Cursor, 10, 64)
		if err != nil {
			return nil, web.Fail(http.StatusBadRequest, "request.cursor", "the cursor is not one of a page before: leave it out")
		}
		before = n
	}
	all, err := list(ctx, b.db.Read(), `WHERE seq < ? ORDER BY seq DESC LIMIT ?`, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := &listOutput{}
	out.Body.Items = all
	if len(all) > in.Limit {
		out.Body.Items = all[:in.Limit]
		out.Body.Next = strconv.FormatInt(all[in.Limit-1].seq, 10)
	}
	if out.Body.Items == nil {
		out.Body.Items = []Broadcast{}
	}
	return out, nil
}
