package web

import "net/http"

// mux routes requests. The standard one refuses two patterns that overlap without
// one being the narrower, as /rules/replays/{id} and /rules/{rule}/explain; here
// the operation that says so (Op.Behind) is asked only when no other one matches.
type mux struct {
	front, back http.ServeMux
	behind      bool // what is registered now goes to the back
}

// HandleFunc registers a pattern.
func (m *mux) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	if m.behind {
		m.back.HandleFunc(pattern, h)
		return
	}
	m.front.HandleFunc(pattern, h)
}

// Handler finds what answers a request; pattern is empty for nothing.
func (m *mux) Handler(r *http.Request) (h http.Handler, pattern string) {
	if h, pattern = m.front.Handler(r); pattern != "" {
		return h, pattern
	}
	if h, pattern := m.back.Handler(r); pattern != "" {
		return h, pattern
	}
	return h, ""
}

// ServeHTTP answers a request. Where nothing does, the answer says whether it is
// the method or the address that is wrong.
func (m *mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, pattern := m.front.Handler(r); pattern != "" {
		m.front.ServeHTTP(w, r)
		return
	}
	if _, pattern := m.back.Handler(r); pattern != "" {
		m.back.ServeHTTP(w, r)
		return
	}
	var no muted
	if m.front.ServeHTTP(&no, r); no.status == http.StatusMethodNotAllowed {
		m.front.ServeHTTP(w, r)
		return
	}
	m.back.ServeHTTP(w, r)
}
