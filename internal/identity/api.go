package identity

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dongyue/internal/web"
)

const tag = "identity"

// Register adds the operations of sessions, users, tokens and the audit.
func (i *Identity) Register(a *web.API) {
	i.registerSession(a)
	i.registerUsers(a)
	i.registerTokens(a)
	i.registerAudit(a)
}

// client is what an operation must know of the connection.
type client struct {
	remote string
	tls    bool
}

// Resolve implements huma.Resolver.
func (c *client) Resolve(ctx huma.Context) []error {
	c.remote, c.tls = ctx.RemoteAddr(), ctx.TLS() != nil
	return nil
}

type sessionBody struct {
	User      web.Principal `json:"user"`
	Actions   []web.Action  `json:"actions" doc:"what the role allows; screens show only that"`
	Must      bool          `json:"must_change" doc:"the password was made by the hub and should be replaced"`
	ExpiresAt *time.Time    `json:"expires_at,omitempty" doc:"the session ends then at the latest"`
}

type sessionOut struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      sessionBody
}

type signInIn struct {
	client
	Body struct {
		Username string `json:"username" minLength:"1" maxLength:"64"`
		Password string `json:"password" minLength:"1" maxLength:"256"`
	}
}

type cookieIn struct {
	client
	Cookie string `cookie:"dongyue_session"`
}

type passwordIn struct {
	client
	Cookie string `cookie:"dongyue_session"`
	Body   struct {
		Old string `json:"old" minLength:"1" maxLength:"256"`
		New string `json:"new" minLength:"8" maxLength:"256"`
	}
}

type nothing struct{}

func (i *Identity) registerSession(a *web.API) {
	web.Register(a, web.Op{
		Method: "POST", Path: "/session", Summary: "Sign in", Tag: tag, Action: web.Public, MaxBody: 4096,
	}, func(ctx context.Context, in *signInIn) (*sessionOut, error) {
		token, u, until, err := i.SignIn(ctx, in.Body.Username, in.Body.Password, in.remote)
		if err != nil {
			return nil, problem(err)
		}
		return &sessionOut{SetCookie: cookie(token, until, in.tls), Body: i.sessionOf(u.Principal(), u.MustChange, &until)}, nil
	})
	web.Register(a, web.Op{
		Method: "GET", Path: "/session", Summary: "Who am I", Tag: tag, Action: web.Self,
	}, func(ctx context.Context, _ *nothing) (*struct{ Body sessionBody }, error) {
		p, _ := web.Who(ctx)
		u, _ := i.User(p.ID)
		return &struct{ Body sessionBody }{i.sessionOf(p, u.MustChange, nil)}, nil
	})
	web.Register(a, web.Op{
		Method: "DELETE", Path: "/session", Summary: "Sign out", Tag: tag, Action: web.Self, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *cookieIn) (*struct {
		SetCookie http.Cookie `header:"Set-Cookie"`
	}, error,
	) {
		if err := i.SignOut(ctx, in.Cookie); err != nil {
			return nil, err
		}
		return &struct {
			SetCookie http.Cookie `header:"Set-Cookie"`
		}{cookie("", time.Time{}, in.tls)}, nil
	})
	web.Register(a, web.Op{
		Method: "PUT", Path: "/session/password", Summary: "Replace the own password", Tag: tag, Action: web.Self,
		Status: http.StatusNoContent, MaxBody: 4096,
	}, func(ctx context.Context, in *passwordIn) (*nothing, error) {
		p, _ := web.Who(ctx)
		return nil, problem(i.SetPassword(ctx, p.ID, in.Body.Old, in.Body.New, in.Cookie, in.remote))
	})
}

func (i *Identity) sessionOf(p web.Principal, must bool, until *time.Time) sessionBody {
	return sessionBody{User: p, Actions: roleTable()[p.Role], Must: must, ExpiresAt: until}
}

// cookie carries the session; with an empty token it takes it away.
func cookie(token string, until time.Time, tls bool) http.Cookie {
	c := http.Cookie{ //nolint:gosec // Secure wherever the connection is; the hub also runs without TLS on its own network
		Name: web.SessionCookie, Value: token, Path: "/", Expires: until,
		HttpOnly: true, Secure: tls, SameSite: http.SameSiteLaxMode,
	}
	if token == "" {
		c.MaxAge = -1
	}
	return c
}

// limitedProblem is a problem that says when to come back (RFC 9110 §10.2.3).
type limitedProblem struct {
	*web.Problem
	wait time.Duration
}

// GetHeaders implements huma.HeadersError.
func (p *limitedProblem) GetHeaders() http.Header {
	return http.Header{"Retry-After": {strconv.Itoa(int(math.Ceil(p.wait.Seconds())))}}
}

// problem turns the room's errors into answers; what it does not know stays an
// internal error.
func problem(err error) error {
	var limited *LimitedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &limited):
		return &limitedProblem{web.Fail(http.StatusTooManyRequests, "auth.too_many_tries", limited.Error()), limited.Wait}
	case errors.Is(err, ErrRefused):
		return web.Fail(http.StatusUnauthorized, "auth.refused", "user name or password is wrong; try again")
	case errors.Is(err, ErrInvalid):
		return web.Fail(http.StatusUnprocessableEntity, "identity.invalid", err.Error())
	case errors.Is(err, ErrNotFound):
		return web.Fail(http.StatusNotFound, "identity.not_found", err.Error())
	case errors.Is(err, ErrLoginTaken):
		return web.Fail(http.StatusConflict, "identity.login_taken", "this login exists already; choose another")
	case errors.Is(err, ErrLastAdmin):
		return web.Fail(http.StatusConflict, "identity.last_admin", "name another administrator first")
	}
	return err
}
