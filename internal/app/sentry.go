package app

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"dongyue/internal/alarm"
	"dongyue/internal/event"
	"dongyue/internal/identity"
	"dongyue/internal/web"
)

// sentry makes alarms of what people and programs try at the API and may not: wrong
// passwords by the dozen, tokens of sessions that had ended, doors of others, an audit
// that is not as it was written. What devices try at the broker is for watch.
type sentry struct {
	raise  func(context.Context, alarm.Signal)
	report func(ctx context.Context, id, device, typ string, data json.RawMessage, at time.Time) error
	log    *slog.Logger
	queue  chan alarm.Signal
	again  chan event.Event // badges that came a second time

	mu    sync.Mutex
	tries map[string][]time.Time // refusals of an account that still count
	told  map[string]time.Time   // when a thing was told of last
}

const (
	zoneTries   = 3         // refusals of one account within tryFor are no mistake any more
	tryFor      = time.Hour //
	tellAgain   = time.Minute
	mostWatched = 10_000 // strangers must not fill the memory
	auditEvery  = time.Hour
)

func newSentry(a *App) *sentry {
	return &sentry{raise: a.raise, log: a.log, queue: make(chan alarm.Signal, 256), again: make(chan event.Event, 256), tries: map[string][]time.Time{}, told: map[string]time.Time{}}
}

// run raises what was noticed.
func (s *sentry) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case x := <-s.queue:
			s.raise(ctx, x)
		case ev := <-s.again:
			s.tellReplay(ctx, &ev)
		}
	}
}

// replayed queues a badge of long ago that came a second time. A flood of them is one
// alarm anyway.
func (s *sentry) replayed(ev event.Event) {
	select {
	case s.again <- ev:
	default:
	}
}

// tellReplay puts it into the journal as an event of the door, for the rules. Once an
// hour for the same badge.
func (s *sentry) tellReplay(ctx context.Context, ev *event.Event) {
	data, err := json.Marshal(map[string]any{"by": hubActor, "event": ev.ID, "at": ev.At.UTC(), "age_s": int(ev.ReceivedAt.Sub(ev.At).Seconds())})
	if err == nil {
		err = s.report(ctx, fmt.Sprintf("replayed:%s:%d", ev.ID, ev.ReceivedAt.Unix()/3600), ev.Device, "badge_replayed", data, ev.ReceivedAt)
	}
	if err != nil && ctx.Err() == nil {
		s.log.ErrorContext(ctx, "replayed badge not told", "device_id", ev.Device, "event_id", ev.ID, "err", err)
	}
}

// put queues an alarm, once a minute for the same thing: a flood of them is one alarm.
func (s *sentry) put(x alarm.Signal) {
	key := x.Rule + "/" + x.Device + "/" + x.Part
	s.mu.Lock()
	again := time.Since(s.told[key]) < tellAgain
	if len(s.told) > mostWatched {
		clear(s.told)
	}
	s.told[key] = time.Now()
	s.mu.Unlock()
	if again {
		return
	}
	select {
	case s.queue <- x:
	default:
	}
}

func accountAlarm(rule string, p event.Priority, part, evidence, zh, en string) alarm.Signal {
	x := hubAlarm("security."+rule, evidence, p)
	x.Part, x.Latch, x.Procedure = part, true, "account_misuse"
	x.Title = event.Text{ZH: zh, EN: en}
	return x
}

// noticed takes what identity has seen.
func (s *sentry) noticed(n identity.Notice) {
	who := n.Name
	if who == "" {
		who = n.Address
	}
	part := n.Account
	if part == "" {
		part = n.Address
	}
	switch n.Kind {
	case identity.SignInLimited:
		s.put(accountAlarm("sign_in", event.Medium, part, n.Kind, "密码连续输错，已限制登录："+who, "too many wrong passwords, sign-in is held back: "+who))
	case identity.SessionReused:
		s.put(accountAlarm("session_reused", event.High, part, n.Kind, who+"已退出的登录凭证被再次使用，其全部登录已结束", "a signed-out session of "+who+" was used again; all sessions of the account were ended"))
	case identity.SessionOfGone:
		s.put(accountAlarm("session_of_gone", event.Low, part, n.Kind, "已停用的账号仍有人使用："+who, "somebody still uses the account of "+who+", which was switched off"))
	case identity.AuditBroken:
		x := accountAlarm("audit", event.Critical, "", n.Kind, fmt.Sprintf("操作记录被改动（第 %s 条起）", n.Detail), fmt.Sprintf("the audit was tampered with (from entry %s on)", n.Detail))
		x.Procedure = "audit_broken"
		s.put(x)
	}
}

// forbidden takes what the API has refused because of whose it is.
func (s *sentry) forbidden(_ context.Context, f web.Forbidden) {
	switch {
	case f.Code == "home.not_your_door":
		s.put(accountAlarm("not_own_door", event.Medium, f.Who.ID, f.Code, f.Who.Name+"的手机请求开他人的门，已拒绝", "the phone of "+f.Who.Name+" asked for a door of others and was refused"))
	case strings.HasSuffix(f.Code, ".not_your_zone"):
		if s.often(f.Who.ID) {
			s.put(accountAlarm("zone", event.High, f.Who.ID, f.Code, f.Who.Name+"多次操作职责区域之外的设备，已拒绝", f.Who.Name+" tried again and again to act outside the own zone and was refused"))
		}
	}
}

// often counts a refusal, and reports whether there were too many lately.
func (s *sentry) often(account string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tries) > mostWatched {
		clear(s.tries)
	}
	n := time.Now()
	var lately []time.Time
	for _, t := range s.tries[account] {
		if n.Sub(t) < tryFor {
			lately = append(lately, t)
		}
	}
	s.tries[account] = append(lately, n)
	return len(s.tries[account]) >= zoneTries
}

// inspect checks the audit, at the start and from then on; what is broken comes back
// as a notice.
func (a *App) inspect(ctx context.Context) error {
	for {
		if _, _, err := a.identity.InspectAudit(ctx); err != nil && ctx.Err() == nil {
			a.log.ErrorContext(ctx, "audit check", "err", err)
		}
		if pause(ctx, auditEvery) != nil {
			return nil //nolint:nilerr // the hub ends
		}
	}
}
