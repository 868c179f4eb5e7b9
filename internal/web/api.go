package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// Guard decides who may do what.
type Guard interface {
	// Authenticate finds the principal of a request by cookie or bearer token;
	// ok is false for none, or one that is no longer good.
	Authenticate(r *http.Request) (p Principal, ok bool)
	// Allowed reports whether the principal may do it.
	Allowed(p Principal, a Action) bool
}

// API is the mux on which the rooms register their operations.
type API struct {
	huma  huma.API
	mux   *mux
	guard Guard
	log   *slog.Logger
	raw   []Route
	room  string // whose operation is being registered

	forbidden func(context.Context, Forbidden) // nil: nobody wants to know
}

// Route is one registered route, for documentation and for the test that walks
// over all of them.
type Route struct {
	Method, Path string
	Action       Action
}

// shapeErrors gives the library's errors our form. The library keeps that in a variable
// of its own, for all APIs of the process, so it is set once.
var shapeErrors = sync.OnceFunc(func() { huma.NewError = newProblem })

// NewAPI makes an empty API under /api/v1.
func NewAPI(version string, guard Guard, log *slog.Logger) *API {
	shapeErrors()
	mux := &mux{}
	cfg := huma.DefaultConfig("Dongyue Hub", version)
	cfg.OpenAPIPath = "/api/v1/openapi"
	cfg.DocsPath = ""     // no page that loads scripts from elsewhere
	cfg.SchemasPath = ""  // they are in the document
	cfg.CreateHooks = nil // no $schema members in answers
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session": {Type: "apiKey", In: "cookie", Name: SessionCookie},
		"token":   {Type: "http", Scheme: "bearer"},
	}
	a := &API{mux: mux, guard: guard, log: log}
	cfg.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", a.schemaName)
	a.huma = humago.New(mux, cfg)
	return a
}

// schemaName puts the room before the type's name, since two rooms may well use
// the same word: a type without a name belongs to the room that registers it.
func (a *API) schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	room := a.room
	if t.Name() != "" {
		room = path.Base(t.PkgPath())
	}
	if room == "" || room == "." || strings.HasPrefix(strings.ToLower(name), room) {
		return name
	}
	return strings.ToUpper(room[:1]) + room[1:] + name
}

// SessionCookie is the name of the sign-in cookie.
const SessionCookie = "dongyue_session"

// Op describes an operation.
type Op struct {
	Method  string // GET, POST …
	Path    string // below /api/v1, unless it begins with "//": then from the root
	Summary string
	Tag     string // the room: alarms, devices …
	Action  Action
	Status  int   // of success; 0: 200, or 204 without a body
	MaxBody int64 // bytes; 0: 1 MiB
	Behind  bool  // its path overlaps with another's, which goes first
}

// Register adds an operation; huma takes input and output from the types. It
// panics when the operation names no action, so no route is open by mistake.
func Register[I, O any](a *API, op Op, handler func(context.Context, *I) (*O, error)) {
	route := a.add(op.Method, op.Path, op.Action)
	a.room = roomOf(reflect.TypeFor[O](), reflect.TypeFor[I]())
	o := huma.Operation{
		OperationID: operationID(op.Method, route), Method: op.Method, Path: route, Summary: op.Summary,
		Tags: []string{op.Tag}, DefaultStatus: op.Status, MaxBodyBytes: op.MaxBody,
		Middlewares: huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
			if p := a.refuse(ctx.Context(), op.Action); p != nil {
				ctx.SetHeader("Content-Type", "application/problem+json")
				if p.Status == http.StatusUnauthorized {
					ctx.SetHeader("WWW-Authenticate", challenge)
				}
				ctx.SetStatus(p.Status)
				_ = a.huma.Marshal(ctx.BodyWriter(), "application/json", p)
				return
			}
			next(ctx)
		}},
	}
	if op.Action != Public {
		o.Security = []map[string][]string{{"session": {}}, {"token": {}}}
	}
	a.mux.behind = op.Behind
	defer func() { a.mux.behind = false }()
	huma.Register(a.huma, o, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err == nil {
			return out, nil
		}
		if se, ok := errors.AsType[huma.StatusError](err); ok {
			a.tell(ctx, op.Method, se)
			return nil, se
		}
		a.log.ErrorContext(ctx, "request failed", "method", op.Method, "path", route, "err", err)
		return nil, Fail(http.StatusInternalServerError, "internal", "the hub could not do this; its log says why")
	})
}

// roomOf is the package of the first type that has one.
func roomOf(types ...reflect.Type) string {
	for _, t := range types {
		if t.PkgPath() != "" {
			return path.Base(t.PkgPath())
		}
	}
	return ""
}

// Opener is a handler for pages of other origins: Open sets the headers without
// which they can't read what it answers, refusals of the guard among it.
type Opener interface{ Open(http.Header) }

// Handle adds a handler that is not an operation: streams, WHEP, files. The
// pattern is as for http.ServeMux, with a method.
func (a *API) Handle(method, path string, action Action, h http.Handler) {
	a.mux.HandleFunc(method+" "+a.add(method, path, action), func(w http.ResponseWriter, r *http.Request) {
		if p := a.refuse(r.Context(), action); p != nil {
			if o, ok := h.(Opener); ok {
				o.Open(w.Header())
			}
			WriteProblem(w, p)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// Raw is what the document says of a handler that is not an operation.
type Raw struct {
	Query []RawParam
	Takes string // media type of the body; "": none
	Gives string // media type of the answer; "": it has no body
}

// RawParam is a parameter of the query.
type RawParam struct {
	Name, Doc string
	Must      bool
}

// HandleAs is Handle for what stands in the document: files and sound.
func (a *API) HandleAs(op Op, raw Raw, h http.Handler) {
	a.Handle(op.Method, op.Path, op.Action, h)
	route := a.raw[len(a.raw)-1].Path
	status := op.Status
	if status == 0 {
		if status = http.StatusOK; raw.Gives == "" {
			status = http.StatusNoContent
		}
	}
	answer := &huma.Response{Description: http.StatusText(status)}
	if raw.Gives != "" {
		answer.Content = map[string]*huma.MediaType{raw.Gives: {Schema: bytesOf(raw.Gives)}}
	}
	o := &huma.Operation{
		OperationID: operationID(op.Method, route), Method: op.Method, Path: route, Summary: op.Summary, Tags: []string{op.Tag},
		Responses: map[string]*huma.Response{
			strconv.Itoa(status): answer,
			"default": {Description: "Error", Content: map[string]*huma.MediaType{"application/problem+json": {
				Schema: a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem"),
			}}},
		},
	}
	for name := range strings.SplitSeq(route, "/") {
		if name, ok := strings.CutPrefix(name, "{"); ok {
			o.Parameters = append(o.Parameters, &huma.Param{Name: strings.TrimSuffix(name, "}"), In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
		}
	}
	for _, q := range raw.Query {
		o.Parameters = append(o.Parameters, &huma.Param{Name: q.Name, In: "query", Description: q.Doc, Required: q.Must, Schema: &huma.Schema{Type: huma.TypeString}})
	}
	if raw.Takes != "" {
		o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{raw.Takes: {Schema: bytesOf(raw.Takes)}}}
	}
	if op.Action != Public {
		o.Security = []map[string][]string{{"session": {}}, {"token": {}}}
	}
	a.huma.OpenAPI().AddOperation(o)
}

// bytesOf is the schema of a body of a media type.
func bytesOf(media string) *huma.Schema {
	if strings.HasSuffix(media, "json") {
		return &huma.Schema{Type: huma.TypeObject}
	}
	return &huma.Schema{Type: huma.TypeString, Format: "binary"}
}

// Allowed asks the guard; for handlers whose answer depends on who asks.
func (a *API) Allowed(ctx context.Context, action Action) bool { return a.refuse(ctx, action) == nil }

// Routes lists what has been registered.
func (a *API) Routes() []Route { return a.raw }

func (a *API) add(method, route string, action Action) string {
	if action == "" {
		panic("web: route without an action: " + method + " " + route)
	}
	if rest, root := strings.CutPrefix(route, "//"); root {
		route = "/" + rest
	} else {
		route = "/api/v1" + route
	}
	a.raw = append(a.raw, Route{method, route, action})
	return route
}

func (a *API) refuse(ctx context.Context, action Action) *Problem {
	if action == Public {
		return nil
	}
	p, ok := Who(ctx)
	if !ok {
		return Fail(http.StatusUnauthorized, "auth.required", "sign in at POST /api/v1/session, or send a bearer token")
	}
	if action != Self && !a.guard.Allowed(p, action) {
		return Fail(http.StatusForbidden, "auth.forbidden", "your role does not allow "+string(action))
	}
	return nil
}

func operationID(method, route string) string {
	words := []string{strings.ToLower(method)}
	for part := range strings.SplitSeq(strings.TrimPrefix(route, "/api/v1"), "/") {
		if part = strings.Trim(part, "{}"); part != "" {
			words = append(words, part)
		}
	}
	return strings.Join(words, "-")
}
