package identity

import (
	"context"
	"errors"
	"net/http"
	"sort"
	"strconv"

	"dongyue/internal/web"
)

// PageQuery are the parameters of a list.
type PageQuery struct {
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000"`
	Cursor string `query:"cursor" maxLength:"100"`
}

type page[T any] struct {
	Body struct {
		Items []T    `json:"items"`
		Next  string `json:"next"`
	}
}

type userIn struct {
	Body struct {
		Login    string   `json:"login" minLength:"1" maxLength:"63"`
		Name     string   `json:"name" minLength:"1" maxLength:"200"`
		Role     web.Role `json:"role" enum:"admin,supervisor,operator,crew,resident,integrator"`
		Person   string   `json:"person,omitempty" maxLength:"100"`
		Zones    []string `json:"zones,omitempty" maxItems:"50" doc:"where the account acts, each with all below; none: everywhere"`
		Password string   `json:"password,omitempty" maxLength:"256" doc:"empty: the hub makes one and shows it once"`
	}
}

type changeIn struct {
	ID   string `path:"id" maxLength:"100"`
	Body struct {
		Name     *string   `json:"name,omitempty" minLength:"1" maxLength:"200"`
		Role     *web.Role `json:"role,omitempty" enum:"admin,supervisor,operator,crew,resident,integrator"`
		Person   *string   `json:"person,omitempty" maxLength:"100"`
		Zones    *[]string `json:"zones,omitempty" maxItems:"50" doc:"where the account acts; an empty list: everywhere"`
		Disabled *bool     `json:"disabled,omitempty"`
		Password *string   `json:"password,omitempty" maxLength:"256"`
		Reset    bool      `json:"reset_password,omitempty" doc:"the hub makes a new password and shows it once"`
	}
}

type userOut struct {
	Body struct {
		User
		Password string `json:"password,omitempty" doc:"made by the hub; shown only now"`
	}
}

func (i *Identity) registerUsers(a *web.API) {
	web.Register(a, web.Op{
		Method: "GET", Path: "/users", Summary: "List accounts", Tag: tag, Action: web.UsersManage,
	}, func(_ context.Context, in *PageQuery) (*page[User], error) {
		out := &page[User]{}
		out.Body.Items, out.Body.Next = i.usersAfter(in.Cursor, in.Limit)
		return out, nil
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/users", Summary: "Add an account", Tag: tag, Action: web.UsersManage, Status: http.StatusCreated,
	}, func(ctx context.Context, in *userIn) (*userOut, error) {
		b := in.Body
		u, made, err := i.AddUser(ctx, actor(ctx), NewUser{Login: b.Login, Name: b.Name, Role: b.Role, Person: b.Person, Password: b.Password, Zones: b.Zones})
		return userAnswer(u, made, err)
	})
	web.Register(a, web.Op{
		Method: "PATCH", Path: "/users/{id}", Summary: "Change an account", Tag: tag, Action: web.UsersManage,
	}, func(ctx context.Context, in *changeIn) (*userOut, error) {
		b := in.Body
		if b.Reset {
			b.Password = new(string)
		}
		u, made, err := i.ChangeUser(ctx, actor(ctx), in.ID, Change{b.Name, b.Role, b.Person, b.Zones, b.Disabled, b.Password})
		return userAnswer(u, made, err)
	})
}

func userAnswer(u User, made string, err error) (*userOut, error) {
	if err != nil {
		return nil, problem(err)
	}
	out := &userOut{}
	out.Body.User, out.Body.Password = u, made
	return out, nil
}

// usersAfter pages by login.
func (i *Identity) usersAfter(cursor string, limit int) (us []User, next string) {
	i.mu.RLock()
	us = make([]User, 0, len(i.users))
	for _, u := range i.users {
		if u.Login > cursor {
			us = append(us, u)
		}
	}
	i.mu.RUnlock()
	sort.Slice(us, func(a, b int) bool { return us[a].Login < us[b].Login })
	if len(us) > limit {
		us = us[:limit]
		next = us[limit-1].Login
	}
	return us, next
}

type tokenIn struct {
	Body struct {
		Name string   `json:"name" minLength:"1" maxLength:"200"`
		Role web.Role `json:"role" enum:"admin,supervisor,operator,crew,integrator"`
	}
}

type tokenOut struct {
	Body struct {
		Token
		Secret string `json:"token" doc:"the secret; shown only now"`
	}
}

func (i *Identity) registerTokens(a *web.API) {
	web.Register(a, web.Op{
		Method: "GET", Path: "/tokens", Summary: "List the tokens of programs", Tag: tag, Action: web.UsersManage,
	}, func(context.Context, *nothing) (*page[Token], error) {
		out := &page[Token]{}
		out.Body.Items = i.Tokens()
		return out, nil
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/tokens", Summary: "Make a token for a program", Tag: tag, Action: web.UsersManage, Status: http.StatusCreated,
	}, func(ctx context.Context, in *tokenIn) (*tokenOut, error) {
		t, secret, err := i.AddToken(ctx, actor(ctx), in.Body.Name, in.Body.Role)
		if err != nil {
			return nil, problem(err)
		}
		out := &tokenOut{}
		out.Body.Token, out.Body.Secret = t, secret
		return out, nil
	})
	web.Register(a, web.Op{
		Method: "DELETE", Path: "/tokens/{id}", Summary: "Revoke a token", Tag: tag, Action: web.UsersManage, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *struct {
		ID string `path:"id" maxLength:"100"`
	},
	) (*nothing, error) {
		return nil, problem(i.RevokeToken(ctx, actor(ctx), in.ID))
	})
}

type checkOut struct {
	Body struct {
		OK      bool   `json:"ok"`
		Entries int64  `json:"entries" doc:"good rows from the first on"`
		Head    string `json:"head" doc:"hash of the last good row"`
		Broken  int64  `json:"broken_at,omitempty"`
		What    string `json:"what,omitempty"`
	}
}

func (i *Identity) registerAudit(a *web.API) {
	web.Register(a, web.Op{
		Method: "GET", Path: "/audit", Summary: "What was done, newest first", Tag: tag, Action: web.UsersManage,
	}, func(ctx context.Context, in *PageQuery) (*page[AuditEntry], error) {
		var before int64
		if in.Cursor != "" {
			n, err := strconv.ParseInt(in.Cursor, 10, 64)
			if err != nil || n < 1 {
				return nil, web.Fail(http.StatusBadRequest, "request.bad_cursor", "take the cursor from the answer before, or leave it out")
			}
			before = n
		}
		es, err := i.AuditEntries(ctx, before, in.Limit)
		if err != nil {
			return nil, err
		}
		out := &page[AuditEntry]{}
		out.Body.Items = es
		if len(es) == in.Limit {
			out.Body.Next = strconv.FormatInt(es[len(es)-1].Seq, 10)
		}
		return out, nil
	})
	web.Register(a, web.Op{
		Method: "GET", Path: "/audit/check", Summary: "Check the audit chain", Tag: tag, Action: web.UsersManage,
	}, func(ctx context.Context, _ *nothing) (*checkOut, error) {
		out := &checkOut{}
		n, head, err := i.InspectAudit(ctx)
		var broken *AuditBrokenError
		if errors.As(err, &broken) {
			out.Body.Broken, out.Body.What = broken.Seq, broken.What
		} else if err != nil {
			return nil, err
		}
		out.Body.OK, out.Body.Entries, out.Body.Head = broken == nil, n, head
		return out, nil
	})
}

func actor(ctx context.Context) string {
	p, _ := web.Who(ctx)
	return p.ID
}
