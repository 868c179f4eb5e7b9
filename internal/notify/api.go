package notify

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/sony/gobreaker/v2"

	"dongyue/internal/web"
)

type contactsAsk struct {
	User string `path:"user" maxLength:"100" doc:"account id; me: yourself"`
}

type contactsSet struct {
	User string `path:"user" maxLength:"100" doc:"account id; me: yourself"`
	Body Contacts
}

type contactsAnswer struct{ Body Contacts }

type channelState struct {
	Type       string     `json:"type"`
	Configured bool       `json:"configured" doc:"set up in the configuration"`
	OK         bool       `json:"ok" doc:"it works, as far as the hub has tried"`
	Target     string     `json:"target" doc:"host that it goes to"`
	PerMinute  int        `json:"per_minute" doc:"most letters in a minute; 0: no limit"`
	Waiting    int        `json:"waiting" doc:"deliveries that have not ended"`
	LastOKAt   *time.Time `json:"last_ok_at"`
	Problem    string     `json:"problem"`
}

type channelList struct {
	Body struct {
		Items []channelState `json:"items"`
		Next  string         `json:"next"`
	}
}

type deliveryAsk struct {
	Alarm   string `query:"alarm" maxLength:"40"`
	User    string `query:"user" maxLength:"100"`
	Channel string `query:"channel" enum:"desk,webhook,wecom,dingtalk,feishu,ntfy,smtp"`
	State   string `query:"state" enum:"waiting,sending,sent,failed,expired,duplicate"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor  string `query:"cursor" maxLength:"20"`
}

type deliveryList struct {
	Body struct {
		Items []Delivery `json:"items"`
		Next  string     `json:"next"`
	}
}

type testAsk struct {
	Body struct {
		User    string `json:"user,omitempty" maxLength:"100" doc:"account id; empty or me: yourself"`
		Type    string `json:"type,omitempty" enum:"desk,webhook,wecom,dingtalk,feishu,ntfy,smtp" doc:"try this way only, saved or not; left out: all that are saved"`
		Address string `json:"address,omitempty" maxLength:"300" doc:"of that way"`
	}
}

// tried is what came of a test: the delivery that went worst, and all of them.
type tried struct {
	Body struct {
		Delivery
		Ways []Delivery `json:"ways"`
	}
}

// Register adds the operations.
func (n *Notify) Register(api *web.API) {
	op := func(method, path, summary string) web.Op {
		return web.Op{Method: method, Path: path, Summary: summary, Tag: "notify", Action: web.DutyRead}
	}
	web.Register(api, op(http.MethodGet, "/notify/contacts/{user}", "Where a person is reached"), func(ctx context.Context, in *contactsAsk) (*contactsAnswer, error) {
		account, err := n.whose(ctx, api, in.User)
		if err != nil {
			return nil, err
		}
		c, err := contacts(ctx, n.o.DB.Read(), account)
		return &contactsAnswer{c}, err
	})
	web.Register(api, op(http.MethodPut, "/notify/contacts/{user}", "Set where a person is reached"), func(ctx context.Context, in *contactsSet) (*contactsAnswer, error) {
		account, err := n.whose(ctx, api, in.User)
		if err != nil {
			return nil, err
		}
		me, _ := web.Who(ctx)
		if err := n.setContacts(ctx, me.ID, account, in.Body); err != nil {
			return nil, err
		}
		c, err := contacts(ctx, n.o.DB.Read(), account)
		return &contactsAnswer{c}, err
	})
	web.Register(api, op(http.MethodGet, "/notify/channels", "The channels and how they are"), n.channels)
	web.Register(api, op(http.MethodGet, "/notify/deliveries", "Who was told what, newest first"), func(ctx context.Context, in *deliveryAsk) (*deliveryList, error) {
		out, err := n.list(ctx, in)
		if err == nil && !api.Allowed(ctx, web.DutyWrite) {
			out.discreet(ctx)
		}
		return out, err
	})
	web.Register(api, op(http.MethodPost, "/notify/test", "Send a test message to a person's channels and wait for what comes of it"), func(ctx context.Context, in *testAsk) (*tried, error) {
		account, err := n.whose(ctx, api, in.Body.User)
		if err != nil {
			return nil, err
		}
		var only []Contact
		if in.Body.Type != "" {
			only = []Contact{{in.Body.Type, in.Body.Address}}
			if err := (&Contacts{Channels: only}).check(); err != nil {
				return nil, err
			}
		}
		return n.test(ctx, account, only)
	})
}

// whose is the account that a request is about: one's own, or another's for those
// who may.
func (n *Notify) whose(ctx context.Context, api *web.API, user string) (string, error) {
	me, _ := web.Who(ctx)
	if user == "" || user == "me" {
		user = me.ID
	}
	if user != me.ID && !api.Allowed(ctx, web.DutyWrite) {
		return "", web.Fail(http.StatusForbidden, "auth.forbidden", "another person's contacts are for supervisors; `me` are your own")
	}
	if _, ok := n.o.People.Name(user); !ok {
		return "", web.Fail(http.StatusNotFound, "notify.no_user", "there is no such account of a person; GET /api/v1/rota lists them")
	}
	return user, nil
}

// discreet leaves out where others are reached, as /notify/contacts does: an ntfy
// topic is as good as a password.
func (l *deliveryList) discreet(ctx context.Context) {
	me, _ := web.Who(ctx)
	for i := range l.Body.Items {
		if d := &l.Body.Items[i]; d.Account != me.ID {
			d.Address = ""
		}
	}
}

func (n *Notify) channels(ctx context.Context, _ *struct{}) (*channelList, error) {
	waiting, err := n.waiting(ctx)
	if err != nil {
		return nil, err
	}
	out := &channelList{}
	for _, t := range types() {
		c := channelState{Type: t, Waiting: waiting[t]}
		if t == Desk {
			c.Configured, c.OK = true, true
		}
		if l := n.lanes[t]; l != nil {
			l.mu.Lock()
			c.Configured, c.Target, c.PerMinute, c.Problem = true, l.Target, l.PerMinute, l.problem
			if !l.lastOK.IsZero() {
				c.LastOKAt = new(l.lastOK)
			}
			l.mu.Unlock()
			c.OK = c.Problem == "" && l.breaker.State() == gobreaker.StateClosed
		}
		out.Body.Items = append(out.Body.Items, c)
	}
	return out, nil
}

func (n *Notify) list(ctx context.Context, in *deliveryAsk) (*deliveryList, error) {
	where, args := "1 = 1", []any{}
	for _, c := range []struct{ column, value string }{{"m.alarm", in.Alarm}, {"d.account", in.User}, {"d.channel", in.Channel}, {"d.state", in.State}} {
		if c.value != "" {
			where, args = where+" AND "+c.column+" = ?", append(args, c.value)
		}
	}
	if in.Cursor != "" {
		before, err := strconv.ParseInt(in.Cursor, 10, 64)
		if err != nil {
			return nil, web.Fail(http.StatusBadRequest, "notify.bad_cursor", "send `next` of the page before as cursor, or none")
		}
		where, args = where+" AND d.id < ?", append(args, before)
	}
	ds, err := n.deliveries(ctx, where+" ORDER BY d.id DESC LIMIT ?", append(args, in.Limit+1)...)
	if err != nil {
		return nil, err
	}
	out := &deliveryList{}
	if len(ds) > in.Limit {
		ds = ds[:in.Limit]
		out.Body.Next = strconv.FormatInt(ds[len(ds)-1].ID, 10)
	}
	out.Body.Items = append([]Delivery{}, ds...)
	return out, nil
}
