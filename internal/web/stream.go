package web

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// recheck is how often an open stream asks whether its reader still may read: a
// stream outlives the request's authentication by hours.
const recheck = 2 * time.Second

// topicActions says what a reader must be allowed to for each topic. A topic that
// is not named here is sent to nobody: the feed tells who went through which
// door, and stream.read alone does not open that.
func topicActions() map[string]Action {
	return map[string]Action{
		"alarm":        AlarmsRead,
		"device":       DevicesRead,
		"twin":         DevicesRead,
		"command":      EventsRead, // it tells who had which door opened
		"camera":       CamerasRead,
		"camera_event": CamerasRead,
		"clip":         ClipsView,
		"badge":        AccessRead,
		"door":         DoorsRead,
		"rung":         DoorsRead,
		"muster":       MusterRead,
		"broadcast":    Broadcast,
		"official":     Broadcast,
		"panel":        Broadcast,
		"lighting":     DevicesRead,
		"warning":      Home, // of the authorities, and public
		"order":        OrdersRead,
		"notify":       Self, // only what is for the reader
		"call":         Home, // only what is for the reader
		"pass":         Home, // the same
		"rota":         DutyRead,
		"drill":        AlarmsRead,
		"incident":     AlarmsRead,
		"flood":        AlarmsRead,
		"rules":        RulesRead,
	}
}

// Stream is the feed as the API serves it: each reader gets the topics that it
// may read elsewhere, and the stream ends within two seconds after its session
// or token has ended.
func (a *API) Stream(f *Feed) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, end := context.WithCancel(r.Context())
		defer end()
		go a.watch(ctx, r, end)
		asked := topics(r.URL.Query().Get("topics"))
		may := []string{"-"} // no topic, so that an empty list is not all of them
		for topic, action := range topicActions() {
			if asked(topic) && a.Allowed(ctx, action) {
				may = append(may, topic)
			}
		}
		r = r.Clone(ctx)
		q := r.URL.Query()
		q.Set("topics", strings.Join(may, ","))
		r.URL.RawQuery = q.Encode()
		f.ServeHTTP(w, r)
	})
}

// watch ends the stream when its reader is no longer the one who opened it: gone,
// or with another role.
func (a *API) watch(ctx context.Context, r *http.Request, end context.CancelFunc) {
	was, _ := Who(ctx)
	tick := time.NewTicker(recheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if p, ok := a.guard.Authenticate(r); !ok || p != was {
				end()
				return
			}
		}
	}
}
