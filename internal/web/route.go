package web

import (
	"context"
	"net/http"
	"path"
	"strings"
)

// ServeHTTP authenticates and routes. What no room answers is a problem like any
// other, so that a client never meets a page.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	guardHeaders(w.Header())
	if !clean(r.URL.Path) {
		WriteProblem(w, noRoute())
		return
	}
	if _, pattern := a.mux.Handler(r); pattern == "" {
		a.unrouted(w, r)
		return
	}
	if p, ok := a.guard.Authenticate(r); ok {
		r = r.WithContext(context.WithValue(WithPrincipal(r.Context(), p), pathKey{}, r.URL.Path))
	}
	a.mux.ServeHTTP(w, r)
}

// guardHeaders keeps an answer out of caches, frames and other sites' pages; no
// browser may take it for a page or a script. Handlers may set other values.
func guardHeaders(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; img-src 'self'; media-src 'self'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

// clean reports whether a path is written as routes are. The mux would redirect
// the others, which loses the body of a POST in some clients.
func clean(p string) bool {
	c := path.Clean(p)
	return c == p || strings.HasSuffix(p, "/") && c+"/" == p
}

// unrouted says whether the method or the address is wrong.
func (a *API) unrouted(w http.ResponseWriter, r *http.Request) {
	var m muted
	a.mux.ServeHTTP(&m, r)
	if m.status == http.StatusMethodNotAllowed {
		allow := m.Header().Get("Allow")
		w.Header().Set("Allow", allow)
		WriteProblem(w, Fail(m.status, "request.method", "this address takes "+allow))
		return
	}
	WriteProblem(w, noRoute())
}

func noRoute() *Problem {
	return Fail(http.StatusNotFound, "request.no_route", "there is nothing at this address; GET /api/v1/openapi.json describes what there is")
}

// muted takes the status and the headers of an answer and drops the rest.
type muted struct {
	header http.Header
	status int
}

func (m *muted) Header() http.Header {
	if m.header == nil {
		m.header = http.Header{}
	}
	return m.header
}

func (m *muted) WriteHeader(status int)      { m.status = status }
func (m *muted) Write(b []byte) (int, error) { return len(b), nil }
