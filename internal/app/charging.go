package app

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"

	"dongyue/devices"
	"dongyue/devices/charger/guard"
	"dongyue/internal/charging"
	"dongyue/internal/charging/till"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

func (a *App) buildCharging(ctx context.Context) (err error) {
	c := a.o.Config.Charging
	o := charging.Options{
		DB: a.db, Feed: a.feed, Log: a.log, Journal: a.journal, Cabinets: cabinets{a},
		Suspect: func(person, battery string) (string, bool) {
			s, bad := a.guard.Suspected(person, battery)
			return s.Why, bad
		},
	}
	var errs [3]error
	o.Tariff.Electricity, errs[0] = charging.ParseRate(c.Electricity)
	o.Tariff.Service, errs[1] = charging.ParseRate(c.Service)
	o.Deposit, errs[2] = charging.ParseYuan(c.Deposit)
	if err := errors.Join(errs[:]...); err != nil {
		return ConfigError{err}
	}
	url := c.URL
	if url == "" && a.o.Demo != nil {
		if url, err = a.openTill(ctx); err != nil {
			return err
		}
	}
	if url != "" {
		token, err := c.Secret()
		if err != nil {
			return ConfigError{err}
		}
		client, err := till.NewClient(url, token.Reveal(), c.Timeout)
		if err != nil {
			return ConfigError{err}
		}
		o.Payments = client
	}
	a.charging, err = charging.New(ctx, o)
	return err
}

// openTill is the provider of payments of the demonstration, behind a port of its
// own as a real one would be.
func (a *App) openTill(ctx context.Context) (string, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	srv := &http.Server{Handler: &till.Till{}, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = srv.Serve(ln) }() // ends with Close
	a.onClose(srv.Close)
	return "http://" + ln.Addr().String(), nil
}

// suspected lets the owner know of a battery that must not charge again.
func (a *App) suspected(ctx context.Context, tx *sql.Tx, s guard.Suspect) error {
	return a.charging.Tell(ctx, tx, "suspect-"+s.Subject+"-"+s.At.Format(time.RFC3339), s.User, event.Text{
		ZH: "您的电池在两个充电口都出现异常，有起火危险，已暂停它的充电。请不要在家充电，物业会联系您检查。",
		EN: "Your battery behaved dangerously at two sockets and may not charge for now. Do not charge it at home; the property office calls you to have it checked.",
	})
}

// cabinets are the chargers as the room of money sees them.
type cabinets struct{ app *App }

// Command implements charging.Cabinets.
func (c cabinets) Command(ctx context.Context, device, typ string, args any, ttl time.Duration, key, actor, ref string) (string, error) {
	return commander{c.app.devices}.Command(ctx, device, typ, args, ttl, key, actor, ref)
}

// Fate implements charging.Cabinets.
func (c cabinets) Fate(ctx context.Context, id string) charging.Fate {
	x, err := c.app.devices.FindCommand(ctx, id)
	if err != nil {
		return charging.Open
	}
	switch x.Status {
	case devices.Failed:
		return charging.Refused
	case devices.Expired:
		return charging.Lapsed
	case devices.Done:
		return charging.Carried
	case devices.Queued, devices.Sent, devices.Accepted:
	}
	return charging.Open
}

// Ports implements charging.Cabinets.
func (c cabinets) Ports(ctx context.Context) []charging.Port {
	out := []charging.Port{}
	for _, d := range c.app.devices.In(ctx, event.Charger, "") {
		var said struct {
			Ports map[string]string `json:"ports"`
		}
		_ = json.Unmarshal(d.State, &said) // a state of another shape says nothing of its ports
		for _, p := range ports(&d) {
			state := said.Ports[p]
			if v, ok := d.Values[p]["state"]; ok && v.Text != "" {
				state = v.Text
			}
			out = append(out, charging.Port{Device: d.ID, Name: d.Name, Zone: d.Zone, Part: p, State: cmp.Or(state, "idle"), Online: c.app.mqtt.Connected(d.ID)})
		}
	}
	return out
}

// suspects are the operations on the register of batteries.
type suspects struct{ app *App }

type suspectList struct {
	Body struct {
		Items []guard.Suspect `json:"items"`
		Next  string          `json:"next"`
	}
}

type suspectIn struct {
	Body struct {
		Subject string `json:"subject" maxLength:"200" doc:"battery:ID or user:ID"`
		Note    string `json:"note" minLength:"1" maxLength:"500" doc:"who looked at it, and what was found"`
	}
}

type batteryIn struct {
	ID   string `path:"id" maxLength:"128"`
	Body struct {
		Energy float64 `json:"energy_wh" minimum:"50" maximum:"20000" doc:"what its plate says"`
	}
}

// Register adds the operations.
func (s suspects) Register(a *web.API) {
	const tag = "charging"
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/charging/suspects", Summary: "Batteries that may not charge", Tag: tag, Action: web.AlarmsRead}, s.list)
	web.Register(a, web.Op{Method: http.MethodPost, Path: "/charging/suspects/clear", Summary: "Let a battery charge again", Tag: tag, Action: web.OrdersManage}, s.clear)
	web.Register(a, web.Op{Method: http.MethodPut, Path: "/charging/batteries/{id}", Summary: "What a battery holds", Tag: tag, Action: web.AccessWrite}, s.register)
}

func (s suspects) list(context.Context, *struct{}) (*suspectList, error) {
	out := &suspectList{}
	out.Body.Items = s.app.guard.Suspects()
	return out, nil
}

func (s suspects) clear(ctx context.Context, in *suspectIn) (*struct{}, error) {
	who, _ := web.Who(ctx)
	err := s.app.guard.Clear(ctx, in.Body.Subject, who.ID, in.Body.Note)
	if errors.Is(err, guard.ErrNoSuspect) {
		return nil, web.Fail(http.StatusNotFound, "charging.no_suspect", err.Error())
	}
	return nil, err
}

func (s suspects) register(ctx context.Context, in *batteryIn) (*struct{}, error) {
	return nil, s.app.guard.Register(ctx, in.ID, in.Body.Energy)
}
