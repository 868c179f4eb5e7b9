package health

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"dongyue/internal/web"
)

// Register adds GET /livez, /readyz and /metrics at the root.
func (h *Health) Register(a *web.API) {
	a.Handle(http.MethodGet, "//livez", web.Public, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		text(w, http.StatusOK, "ok\n")
	}))
	a.Handle(http.MethodGet, "//readyz", web.Public, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ready(w, r, h.near(r) || a.Allowed(r.Context(), web.OperationsRead))
	}))
	metrics := promhttp.HandlerFor(h.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(h.o.Log.Handler(), slog.LevelWarn), MaxRequestsInFlight: 4,
	})
	if !h.o.OpenOnLoopback {
		a.Handle(http.MethodGet, "//metrics", web.OperationsRead, metrics)
		return
	}
	a.Handle(http.MethodGet, "//metrics", web.Public, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch _, known := web.Who(r.Context()); {
		case h.near(r) || a.Allowed(r.Context(), web.OperationsRead):
			metrics.ServeHTTP(w, r)
		case known:
			web.WriteProblem(w, web.Fail(http.StatusForbidden, "auth.forbidden", "your role does not allow "+string(web.OperationsRead)))
		default:
			web.WriteProblem(w, web.Fail(http.StatusUnauthorized, "auth.required", "send a bearer token, or ask from the hub's own machine"))
		}
	}))
}

// near reports whether the request is from this machine and that is enough.
// Behind a proxy on the same machine every request has a loopback address, so a
// header that a proxy sets takes the privilege away; nobody gains it by one.
func (h *Health) near(r *http.Request) bool {
	if !h.o.OpenOnLoopback {
		return false
	}
	for _, k := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(k) != "" {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

// ready answers with the state; with ?verbose naming each part; the reasons only
// to whoever may see them.
func (h *Health) ready(w http.ResponseWriter, r *http.Request, reasons bool) {
	report := h.Report(r.Context())
	status, word := http.StatusOK, "ready\n"
	if !report.Ready {
		status, word = http.StatusServiceUnavailable, "not ready\n"
	}
	if !reasons {
		report.Version = ""
		for i := range report.Conditions {
			report.Conditions[i].Error = ""
		}
	}
	q := r.URL.Query()
	switch {
	case !q.Has("verbose"):
		text(w, status, word)
	case q.Get("verbose") == "json" || strings.Contains(r.Header.Get("Accept"), "application/json"):
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(report)
	default:
		text(w, status, lines(report)+word)
	}
}

// lines is a line for each part: + well, ! ill but going on, - ill.
func lines(r Report) string {
	var b strings.Builder
	if r.Held != "" {
		fmt.Fprintf(&b, "[-] %s\n", r.Held)
	}
	for _, c := range r.Conditions {
		mark, state := "+", "ok"
		if !c.OK {
			mark, state = "-", "ill"
		}
		if c.Warning {
			mark = "!"
		}
		fmt.Fprintf(&b, "[%s] %s %s", mark, c.Name, state)
		if c.Error != "" {
			b.WriteString(": " + strings.Join(strings.Fields(c.Error), " "))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func text(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}
