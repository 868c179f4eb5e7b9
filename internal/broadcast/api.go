package broadcast

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"dongyue/internal/web"
)

// Register adds the operations of broadcasting.
func (b *Broadcasts) Register(a *web.API) {
	const tag = "broadcasts"
	web.Register(a, web.Op{
		Method: http.MethodPost, Path: "/broadcasts", Summary: "Play a message in zones or in a polygon",
		Tag: tag, Action: web.Broadcast, Status: http.StatusCreated,
	}, b.post)
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/broadcasts", Summary: "Messages, newest first", Tag: tag, Action: web.Broadcast}, b.getList)
	web.Register(a, web.Op{
		Method: http.MethodGet, Path: "/broadcasts/{id}", Summary: "One message with the proof of each loudspeaker",
		Tag: tag, Action: web.Broadcast,
	}, b.get)
	web.Register(a, web.Op{
		Method: http.MethodPost, Path: "/broadcasts/{id}/stop", Summary: "End a message; what it had displaced goes on",
		Tag: tag, Action: web.Broadcast,
	}, b.postStop)
	signed := []web.RawParam{
		{Name: "device", Doc: "the loudspeaker", Must: true}, {Name: "until", Doc: "how long the address is good, Unix s", Must: true},
		{Name: "signature", Doc: "of the hub: the whole address is in the command", Must: true},
	}
	a.HandleAs(web.Op{
		Method: http.MethodGet, Path: "/broadcasts/{id}/sound", Summary: "What a loudspeaker plays: WAV, or Ogg Opus of a live voice", Tag: tag, Action: web.Public,
	}, web.Raw{Gives: "audio/wav", Query: append([]web.RawParam{{Name: "from", Doc: "ms that were heard before", Must: true}}, signed...)}, http.HandlerFunc(b.sound))
	a.HandleAs(web.Op{
		Method: http.MethodPost, Path: "/broadcasts/{id}/voice", Summary: "What the microphone of a loudspeaker hears, for as long as a talk lasts", Tag: tag, Action: web.Public,
	}, web.Raw{Takes: "audio/ogg", Query: signed}, http.HandlerFunc(b.voice))
	b.registerLibrary(a)
}

type postInput struct {
	Key  string `header:"Idempotency-Key" maxLength:"200" doc:"the same key and message again plays nothing twice"`
	Body struct {
		Zones       []string     `json:"zones,omitempty" doc:"zones, each with all below; \"\" is the whole community" example:"[\"east\"]"`
		Polygon     [][2]float64 `json:"polygon,omitempty" maxItems:"100" doc:"corners in metres on the plan; the loudspeakers inside"`
		Speaker     string       `json:"speaker,omitempty" maxLength:"63" doc:"one loudspeaker, instead of both"`
		TwoWay      bool         `json:"two_way,omitempty" doc:"a talk: what the microphone of the loudspeaker hears comes back to your microphone's connection (speaker and live)"`
		Text        string       `json:"text,omitempty" maxLength:"2000"`
		URL         string       `json:"url,omitempty" maxLength:"2048" doc:"sound that loudspeakers fetch from elsewhere"`
		Recording   string       `json:"recording,omitempty" maxLength:"64" doc:"id of an uploaded sound"`
		Live        string       `json:"live,omitempty" maxLength:"64" doc:"id of your microphone, the last part of the Location of POST /whip/microphone"`
		Priority    int          `json:"priority,omitempty" minimum:"0" maximum:"6" doc:"1 fire … 6 music; without it 4, the operator's"`
		Mode        string       `json:"mode,omitempty" enum:"actual,exercise" doc:"an exercise opens with the words that say so"`
		Repeat      int          `json:"repeat,omitempty" minimum:"0" maximum:"100"`
		VolumePct   *float64     `json:"volume_pct,omitempty" minimum:"0" maximum:"100"`
		Interrupted string       `json:"interrupted,omitempty" enum:"resume,drop" doc:"whether it goes on after a more urgent message; without it resume"`
		AtNight     bool         `json:"at_night,omitempty" doc:"rank 4 is heard at night too; without it every loudspeaker fails with the error night"`
		Ref         string       `json:"ref,omitempty" maxLength:"200"`
	}
}

type output struct {
	Body Broadcast
}

// who is the one that asks, by the name that the broadcast shows.
func who(ctx context.Context) string {
	p, ok := web.Who(ctx)
	switch {
	case !ok:
		return ""
	case p.Login != "":
		return p.Login
	}
	return p.ID
}

func (b *Broadcasts) post(ctx context.Context, in *postInput) (*output, error) {
	q := &in.Body
	r := Request{
		Zones: q.Zones, Speaker: q.Speaker, TwoWay: q.TwoWay, Text: q.Text, URL: q.URL, Recording: q.Recording, Live: q.Live, Priority: q.Priority, Mode: q.Mode, Repeat: q.Repeat,
		VolumePct: q.VolumePct, Interrupted: q.Interrupted, AtNight: q.AtNight, Key: in.Key, Actor: who(ctx), Ref: q.Ref,
	}
	for _, p := range q.Polygon {
		r.Polygon = append(r.Polygon, Point{p[0], p[1]})
	}
	if len(r.Zones) <= maxZones && !reaches(ctx, b.meant(ctx, &r)) {
		return nil, notYours()
	}
	bc, err := b.Send(ctx, r)
	if err != nil {
		return nil, err
	}
	return &output{bc}, nil
}

// reaches reports whether the account acts wherever a message is heard.
func reaches(ctx context.Context, nodes []Node) bool {
	return !slices.ContainsFunc(nodes, func(n Node) bool { return !web.Reaches(ctx, n.Zone) })
}

func notYours() error {
	return web.Fail(http.StatusForbidden, "broadcast.not_your_zone", "your account does not act in all of these zones; ask somebody whose account does")
}

type idInput struct {
	ID string `path:"id"`
}

// Get is one broadcast with its nodes.
func (b *Broadcasts) Get(ctx context.Context, id string) (Broadcast, error) {
	bc, err := byID(ctx, b.db.Read(), id)
	if errors.Is(err, sql.ErrNoRows) {
		return bc, notFound()
	}
	return bc, err
}

func (b *Broadcasts) get(ctx context.Context, in *idInput) (*output, error) {
	bc, err := b.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &output{bc}, nil
}

func (b *Broadcasts) postStop(ctx context.Context, in *idInput) (*output, error) {
	bc, err := b.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	for i := range bc.Nodes {
		if n, ok := b.speakers.Get(ctx, bc.Nodes[i].Device); ok && !web.Reaches(ctx, n.Zone) {
			return nil, notYours()
		}
	}
	bc, err = b.Stop(ctx, in.ID, who(ctx))
	if err != nil {
		return nil, err
	}
	return &output{bc}, nil
}

type listInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" doc:"next of the page before"`
	Open   bool   `query:"open" doc:"only those of which something may still be heard"`
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
	all, err := list(ctx, b.db.Read(), `WHERE seq < ? AND (open = 1 OR NOT ?) ORDER BY seq DESC LIMIT ?`, before, in.Open, in.Limit+1)
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
