package charging

import (
	"context"
	"net/http"
	"strings"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

type body[T any] struct{ Body T }

// homeBody is a resident's page of charging.
type homeBody struct {
	Tariff   Tariff     `json:"tariff"`
	Deposit  Fen        `json:"deposit_fen" doc:"taken first; what is left comes back"`
	Ready    bool       `json:"ready" doc:"payments can be taken"`
	Ports    []Port     `json:"ports"`
	Sessions []*Session `json:"sessions" doc:"mine, newest first"`
	Notices  []Notice   `json:"notices"`
}

// Notice is what a resident is told.
type Notice struct {
	At   time.Time  `json:"at"`
	Text event.Text `json:"text"`
}

type startIn struct {
	Key  string `header:"Idempotency-Key" maxLength:"100" doc:"the same again begins nothing"`
	Body struct {
		Port    string `json:"port" maxLength:"100" doc:"CABINET/SOCKET, as its code says" example:"charger-e01/7"`
		Battery string `json:"battery,omitempty" maxLength:"64" doc:"its code, GB 43854"`
	}
}

type idIn struct {
	ID string `path:"id" maxLength:"200"`
}

type listIn struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	State  string `query:"state" enum:"paying,unpaid,starting,charging,refunding,owing,settled,"`
	Device string `query:"device" maxLength:"63"`
}

type listBody struct {
	Items []*Session `json:"items"`
	Next  string     `json:"next"`
}

// Register adds the operations of charging.
func (c *Charging) Register(a *web.API) {
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/home/charging", Summary: "Sockets, prices and my charging", Tag: "home", Action: web.Home}, c.getHome)
	web.Register(a, web.Op{
		Method: http.MethodPost, Path: "/home/charging", Summary: "Charge at a socket", Tag: "home", Action: web.Home, Status: http.StatusAccepted,
	}, c.postHome)
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/home/charging/{id}", Summary: "A charging session of mine", Tag: "home", Action: web.Home}, c.getOne)
	web.Register(a, web.Op{
		Method: http.MethodPost, Path: "/home/charging/{id}/stop", Summary: "Stop charging", Tag: "home", Action: web.Home, Status: http.StatusAccepted,
	}, c.postStop)
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/charging/sessions", Summary: "Charging sessions, newest first", Tag: "charging", Action: web.OrdersManage}, c.getList)
}

func person(ctx context.Context) (string, error) {
	who, _ := web.Who(ctx)
	if who.Person == "" {
		return "", web.Fail(http.StatusForbidden, "home.no_person", "this account belongs to no resident; sign in with the resident's own")
	}
	return who.Person, nil
}

func (c *Charging) getHome(ctx context.Context, _ *struct{}) (*body[homeBody], error) {
	who, err := person(ctx)
	if err != nil {
		return nil, err
	}
	b := homeBody{Tariff: c.o.Tariff, Deposit: c.o.Deposit, Ready: c.o.Payments != nil, Ports: c.o.Cabinets.Ports(ctx), Notices: []Notice{}}
	if b.Sessions, err = list(ctx, c.o.DB.Read(), "WHERE person = ? ORDER BY asked_at DESC LIMIT 50", who); err != nil {
		return nil, err
	}
	if b.Sessions == nil {
		b.Sessions = []*Session{}
	}
	rows, err := c.o.DB.Read().QueryContext(ctx, "SELECT at, text_zh, text_en FROM charging_notices WHERE person = ? ORDER BY at DESC LIMIT 10", who)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var n Notice
		var at int64
		if err := rows.Scan(&at, &n.Text.ZH, &n.Text.EN); err != nil {
			return nil, err
		}
		n.At = time.UnixMilli(at).UTC()
		b.Notices = append(b.Notices, n)
	}
	return &body[homeBody]{b}, rows.Err()
}

func (c *Charging) postHome(ctx context.Context, in *startIn) (*body[*Session], error) {
	who, err := person(ctx)
	if err != nil {
		return nil, err
	}
	device, part, ok := strings.Cut(in.Body.Port, "/")
	if !ok || !event.ValidDevice(device) || part == "" {
		return nil, web.Fail(http.StatusUnprocessableEntity, "charging.port", "port: CABINET/SOCKET is wanted, as charger-e01/7")
	}
	s, err := c.Start(ctx, Ask{Person: who, Device: device, Part: part, Battery: in.Body.Battery, Key: in.Key})
	if err != nil {
		return nil, err
	}
	return &body[*Session]{s}, nil
}

func (c *Charging) getOne(ctx context.Context, in *idIn) (*body[*Session], error) {
	who, err := person(ctx)
	if err != nil {
		return nil, err
	}
	s, err := c.one(ctx, "WHERE id = ? AND person = ?", in.ID, who)
	if err != nil {
		return nil, web.Fail(http.StatusNotFound, "charging.none", "there is no such session of yours")
	}
	return &body[*Session]{s}, nil
}

func (c *Charging) postStop(ctx context.Context, in *idIn) (*body[*Session], error) {
	who, err := person(ctx)
	if err != nil {
		return nil, err
	}
	s, err := c.Stop(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	return &body[*Session]{s}, nil
}

func (c *Charging) getList(ctx context.Context, in *listIn) (*body[listBody], error) {
	all, err := list(ctx, c.o.DB.Read(), "WHERE (? = '' OR state = ?) AND (? = '' OR device = ?) ORDER BY asked_at DESC, id LIMIT ?",
		in.State, in.State, in.Device, in.Device, in.Limit)
	if err != nil {
		return nil, err
	}
	if all == nil {
		all = []*Session{}
	}
	return &body[listBody]{listBody{Items: all}}, nil
}
