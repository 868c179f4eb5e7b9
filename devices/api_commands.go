package devices

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"dongyue/internal/web"
)

func (r *Registry) registerCommands(a *web.API) {
	const tag = "devices"
	web.Register(a, web.Op{
		Method: http.MethodPost, Path: "/devices/{id}/commands", Summary: "Tell a device to do something before a deadline",
		Tag: tag, Action: web.DevicesCommand, Status: http.StatusAccepted,
	}, r.postCommand)
	web.Register(a, web.Op{
		Method: http.MethodGet, Path: "/devices/{id}/commands", Summary: "What a device was told, newest first",
		Tag: tag, Action: web.EventsRead,
	}, r.getCommands)
	web.Register(a, web.Op{
		Method: http.MethodGet, Path: "/devices/{id}/commands/{command}", Summary: "One command and how far it came",
		Tag: tag, Action: web.EventsRead,
	}, r.getCommand)
}

type commandInput struct {
	ID   string `path:"id"`
	Key  string `header:"Idempotency-Key" maxLength:"200" doc:"the same key and command again gives the same answer and no second effect"`
	Body struct {
		Type string         `json:"type" maxLength:"64" example:"dim"`
		Args map[string]any `json:"args,omitempty"`
		TTLs float64        `json:"ttl_s,omitempty" minimum:"0" maximum:"3600" doc:"seconds to the deadline; without it 10"`
		Ref  string         `json:"ref,omitempty" maxLength:"200" doc:"for what, such as an alarm's id"`
	}
}

type commandOutput struct {
	Body commandJSON
}

func (r *Registry) postCommand(ctx context.Context, in *commandInput) (*commandOutput, error) {
	actor := actorOf(ctx)
	if rec := r.find(in.ID); rec != nil && !web.Reaches(ctx, rec.zone()) {
		return nil, web.Fail(http.StatusForbidden, "device.not_your_zone", "your account does not act in the zone of this device; ask somebody whose account does")
	}
	q := CommandRequest{
		Device: in.ID, Type: in.Body.Type, TTL: time.Duration(in.Body.TTLs * float64(time.Second)),
		Key: in.Key, Actor: actor, Ref: in.Body.Ref,
	}
	if in.Body.Args != nil {
		q.Args = in.Body.Args
	}
	c, err := r.Command(ctx, q)
	if err != nil {
		return nil, problem(err)
	}
	return &commandOutput{commandToJSON(&c)}, nil
}

type commandListInput struct {
	ID     string `path:"id"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string `query:"cursor" doc:"next of the page before"`
}

type commandList struct {
	Body struct {
		Items []commandJSON `json:"items"`
		Next  string        `json:"next"`
	}
}

func (r *Registry) getCommands(ctx context.Context, in *commandListInput) (*commandList, error) {
	if r.find(in.ID) == nil {
		return nil, problem(ErrNoDevice)
	}
	before := int64(1) << 62
	if in.Cursor != "" {
		n, err := strconv.ParseInt(in.Cursor, 10, 64)
		if err != nil {
			return nil, web.Fail(http.StatusBadRequest, "request.cursor", "the cursor is not one of a page before: leave it out")
		}
		before = n
	}
	list, err := listCommands(ctx, r.db.Read(), `WHERE device = ? AND seq < ? ORDER BY seq DESC LIMIT ?`, in.ID, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := &commandList{}
	out.Body.Items = []commandJSON{}
	for i := range list {
		if i == in.Limit {
			out.Body.Next = strconv.FormatInt(list[i-1].seq, 10)
			break
		}
		out.Body.Items = append(out.Body.Items, commandToJSON(&list[i]))
	}
	return out, nil
}

func (r *Registry) getCommand(ctx context.Context, in *struct {
	ID      string `path:"id"`
	Command string `path:"command"`
},
) (*commandOutput, error) {
	c, err := byID(ctx, r.db.Read(), in.Command)
	if errors.Is(err, sql.ErrNoRows) || err == nil && c.Device != in.ID {
		return nil, web.Fail(http.StatusNotFound, "command.not_found", "the device has no such command: GET its commands for a list")
	}
	if err != nil {
		return nil, err
	}
	return &commandOutput{commandToJSON(&c)}, nil
}

// FindCommand returns a command by its id, or ErrNoCommand.
func (r *Registry) FindCommand(ctx context.Context, id string) (Command, error) {
	c, err := byID(ctx, r.db.Read(), id)
	if errors.Is(err, sql.ErrNoRows) {
		return Command{}, fmt.Errorf("command %s: %w", id, ErrNoCommand)
	}
	return c, err
}
