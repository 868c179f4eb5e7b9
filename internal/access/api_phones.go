package access

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"dongyue/internal/web"
)

// atHost is the address under which the hub was asked.
type atHost struct{ host string }

// Resolve implements huma.Resolver.
func (h *atHost) Resolve(ctx huma.Context) []error {
	h.host = ctx.Host()
	return nil
}

type hereIn struct{ atHost }

type phoneIn struct {
	atHost
	Body struct {
		Name     string         `json:"name" minLength:"1" maxLength:"60" doc:"as its owner calls it"`
		Response map[string]any `json:"response" doc:"what navigator.credentials.create gave, as JSON"`
	}
}

type proofIn struct {
	atHost
	PathID
}

// optionsBody is for navigator.credentials.
type optionsBody struct {
	Options any `json:"options" doc:"for navigator.credentials, as WebAuthn has it"`
}

func (x *Access) registerPhones(a *web.API) {
	web.Register(a, web.Op{
		Method: "GET", Path: "/home/phones", Summary: "My phones that can prove themselves", Tag: "home", Action: web.Home,
	}, func(ctx context.Context, _ *nothing) (*all[Phone], error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		return answerAll(x.Phones(ctx, who.Person))
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/home/phones/begin", Summary: "Begin to register this phone", Tag: "home", Action: web.Home,
	}, func(ctx context.Context, in *hereIn) (*one[optionsBody], error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		options, err := x.BeginPhone(ctx, who.Person, x.siteHost(in.host))
		return answerOne(optionsBody{options}, err)
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/home/phones", Summary: "Register this phone", Tag: "home", Action: web.Home, Status: http.StatusCreated,
	}, func(ctx context.Context, in *phoneIn) (*one[Phone], error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		response, err := json.Marshal(in.Body.Response)
		if err != nil {
			return nil, err
		}
		return answerOne(x.AddPhone(ctx, who.ID, who.Person, x.siteHost(in.host), in.Body.Name, response))
	})
	web.Register(a, web.Op{
		Method: "DELETE", Path: "/home/phones/{id}", Summary: "Take a phone of mine away", Tag: "home", Action: web.Home, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *PathID) (*nothing, error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		return nil, problem(x.EndPhone(ctx, who.ID, who.Person, in.ID))
	})
	web.Register(a, web.Op{
		Method: "DELETE", Path: "/phones/{id}", Summary: "Take a lost phone away", Tag: tag, Action: web.AccessWrite, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *PathID) (*nothing, error) {
		return nil, problem(x.EndPhone(ctx, actor(ctx), "", in.ID))
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/home/doors/{id}/prove", Summary: "Begin to prove this phone, for one opening of one door", Tag: "home", Action: web.Home,
	}, func(ctx context.Context, in *proofIn) (*one[optionsBody], error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		options, err := x.BeginProof(ctx, who.Person, x.siteHost(in.host), in.ID)
		return answerOne(optionsBody{options}, err)
	})
}
