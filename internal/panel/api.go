package panel

import (
	"context"
	"encoding/base64"
	"net/http"
	"time"

	"dongyue/internal/web"
)

const tag = "panels"

// View is a panel as it is now.
type View struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Zone    string `json:"zone"`
	Online  bool   `json:"online"`
	Message string `json:"message" doc:"id of the notice that it should show; empty: dark"`
	Text    string `json:"text" doc:"that it should show"`
	Colour  string `json:"colour"`
	Shows   string `json:"shows" doc:"id of the notice that it says it shows"`
	Proven  bool   `json:"proven" doc:"the hash that it reports is that of the text"`
}

type panelsOut struct {
	Body struct {
		Items []View `json:"items"`
		Next  string `json:"next" doc:"always empty: the list is short"`
	}
}

type noticesOut struct {
	Body struct {
		Items []Notice `json:"items"`
		Next  string   `json:"next" doc:"always empty: only open ones are listed"`
	}
}

type noticeIn struct {
	Body struct {
		Zones  []string  `json:"zones" example:"[\"plaza\"]"`
		Text   string    `json:"text" maxLength:"1200"`
		Colour string    `json:"colour,omitempty" enum:"white,blue,yellow,orange,red" doc:"without it white"`
		Until  time.Time `json:"until"`
	}
}

type noticeOut struct{ Body Notice }

type keyOut struct {
	Body struct {
		Key string `json:"key" doc:"Ed25519, base64"`
	}
}

type byID struct {
	ID string `path:"id" maxLength:"40"`
}

// Register adds the operations.
func (r *Room) Register(api *web.API) {
	op := func(method, path, summary string) web.Op {
		return web.Op{Method: method, Path: path, Summary: summary, Tag: tag, Action: web.Broadcast}
	}
	web.Register(api, op(http.MethodGet, "/panels", "Text panels: what they should show and what they say that they do"),
		func(ctx context.Context, _ *struct{}) (*panelsOut, error) { return r.getPanels(ctx) })
	web.Register(api, op(http.MethodGet, "/panels/key", "The public key that panels are installed with"),
		func(context.Context, *struct{}) (*keyOut, error) {
			out := &keyOut{}
			out.Body.Key = base64.StdEncoding.EncodeToString(r.Key())
			return out, nil
		})
	web.Register(api, op(http.MethodGet, "/panels/notices", "Notices that are open, also those that wait for a release"),
		func(ctx context.Context, _ *struct{}) (*noticesOut, error) {
			out := &noticesOut{}
			var err error
			out.Body.Items, err = r.open(ctx, r.o.DB.Read())
			return out, err
		})
	write := op(http.MethodPost, "/panels/notices", "Write a notice; it is shown when somebody else has released it")
	write.Status = http.StatusCreated
	web.Register(api, write, func(ctx context.Context, in *noticeIn) (*noticeOut, error) {
		b := in.Body
		if b.Colour == "" {
			b.Colour = "white"
		}
		if err := reached(ctx, b.Zones); err != nil {
			return nil, err
		}
		n, err := r.Write(ctx, who(ctx), Notice{Zones: b.Zones, Text: b.Text, Colour: b.Colour, Until: b.Until})
		return &noticeOut{n}, err
	})
	web.Register(api, op(http.MethodPost, "/panels/notices/{id}/release", "Release a notice of somebody else"),
		func(ctx context.Context, in *byID) (*noticeOut, error) {
			n, err := r.find(ctx, in.ID)
			if err == nil {
				err = reached(ctx, n.Zones)
			}
			if err == nil {
				n, err = r.Release(ctx, who(ctx), in.ID)
			}
			return &noticeOut{n}, err
		})
	web.Register(api, op(http.MethodPost, "/panels/notices/{id}/end", "Take a notice away"),
		func(ctx context.Context, in *byID) (*noticeOut, error) {
			n, err := r.find(ctx, in.ID)
			if err == nil {
				err = reached(ctx, n.Zones)
			}
			if err == nil {
				err = r.end(ctx, who(ctx), &n)
			}
			return &noticeOut{n}, err
		})
}

// reached refuses an account that does not act in all of the zones.
func reached(ctx context.Context, zones []string) error {
	for _, z := range zones {
		if !web.Reaches(ctx, z) {
			return web.Fail(http.StatusForbidden, "panel.not_your_zone", "your account does not act in all of these zones; ask somebody whose account does")
		}
	}
	return nil
}

// who is the one that asks, by the name that a notice shows.
func who(ctx context.Context) string {
	p, ok := web.Who(ctx)
	if ok && p.Login != "" {
		return p.Login
	}
	return p.ID
}

func (r *Room) getPanels(ctx context.Context) (*panelsOut, error) {
	all, err := r.open(ctx, r.o.DB.Read())
	if err != nil {
		return nil, err
	}
	out := &panelsOut{}
	out.Body.Items = []View{}
	for _, p := range r.o.Panels.Panels(ctx) {
		c := contentOf(p.ID, strongest(all, p.Zone, r.now()))
		out.Body.Items = append(out.Body.Items, View{
			ID: p.ID, Name: p.Name, Zone: p.Zone, Online: p.Online, Message: c.Message, Text: c.Text, Colour: c.Colour,
			Shows: p.Message, Proven: p.Message == c.Message && p.SHA256 == hash(c.Text),
		})
	}
	return out, nil
}
