package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Forbidden is a request that its role allows and its object does not: another's door,
// another's zone.
type Forbidden struct {
	Who          Principal
	Method, Path string // as asked
	Code         string // of the problem
}

type pathKey struct{}

// OnForbidden is told of each, before it is answered; f must not block. It is set
// before the API serves.
func (a *API) OnForbidden(f func(context.Context, Forbidden)) { a.forbidden = f }

// tell passes on a refusal of an operation itself.
func (a *API) tell(ctx context.Context, method string, err huma.StatusError) {
	p, ok := errors.AsType[*Problem](err)
	if a.forbidden == nil || !ok || p.Status != http.StatusForbidden {
		return
	}
	who, _ := Who(ctx)
	path, _ := ctx.Value(pathKey{}).(string)
	a.forbidden(ctx, Forbidden{Who: who, Method: method, Path: path, Code: p.Code})
}
