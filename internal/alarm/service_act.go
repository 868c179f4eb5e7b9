package alarm

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/http"
	"strings"
	"time"

	"dongyue/internal/web"
)

// How long something may be out of service.
const (
	serviceOperator = 8 * time.Hour // an operator may take one device out for a shift
	serviceLongest  = 30 * 24 * time.Hour
)

// TakeOut puts a device, a zone or a rule out of service. An operator may do so
// for one device and a shift; a supervisor for more.
func (a *Alarms) TakeOut(ctx context.Context, s Service) (Service, error) {
	p, _ := web.Who(ctx)
	by, now := who(ctx), a.now()
	s.Reason, s.Until = strings.TrimSpace(s.Reason), s.Until.UTC().Truncate(time.Millisecond)
	if err := checkService(&s, p.Role, now); err != nil {
		return s, err
	}
	s.ID, s.By, s.ByID, s.CreatedAt = "oos-"+strings.ToLower(rand.Text()[:16]), by.Name, by.ID, now
	err := a.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		err := insert(ctx, tx, "out_of_service(id, device, zone, rule, until, reason, by_id, by_name, created_at)",
			[][]any{{s.ID, s.Device, s.Zone, s.Rule, s.Until.UnixMilli(), s.Reason, s.ByID, s.By, now.UnixMilli()}}, "")
		if err != nil {
			return err
		}
		b := a.batch(tx, by)
		b.now = now
		where, args := s.where()
		if err := b.rejudge(ctx, where, args...); err != nil {
			return err
		}
		_, err = b.flush(ctx)
		return err
	})
	if err != nil {
		return s, fmt.Errorf("alarm: take %s out of service: %w", cmp.Or(s.Device, s.Zone, s.Rule), err)
	}
	a.nameService(ctx, &s)
	return s, a.Committed(ctx)
}

// nameService puts in how people call it.
func (a *Alarms) nameService(ctx context.Context, s *Service) {
	if s.Device != "" && a.o.Device != nil {
		s.DeviceName, _ = a.o.Device(ctx, s.Device)
	}
	s.DeviceName = cmp.Or(s.DeviceName, s.Device)
	if s.Zone != "" {
		s.ZoneName = a.zoneName(ctx, s.Zone)
	}
}

func checkService(s *Service, role web.Role, now time.Time) error {
	senior := role == web.Supervisor || role == web.Admin
	asked := s.Until.Sub(now)
	refuse := func(code, what string) error { return web.Fail(http.StatusUnprocessableEntity, code, what) }
	switch {
	case s.Device != "" && s.Zone != "":
		return refuse("alarm.device_or_zone", "name a device or a zone, not both")
	case s.Device == "" && s.Zone == "" && s.Rule == "":
		return refuse("alarm.device_or_zone", "name what is out of service: `device`, `zone` or `rule`")
	case s.Reason == "":
		return refuse("alarm.reason_required", "say in `reason` why it is out of service, for those who come after you")
	case asked <= 0:
		return refuse("alarm.until_past", "`until` is over already: give the time at which it will be back")
	case asked > serviceLongest:
		return refuse("alarm.until_too_far", "at most 30 days: what is out for longer is taken off the rules or the registry")
	case !senior && (s.Device == "" || asked > serviceOperator):
		return web.Fail(http.StatusForbidden, "alarm.supervisor_required",
			"an operator may take one device out of service for up to 8 hours; ask a supervisor for a zone, a rule or a longer time")
	}
	return nil
}

// where are the alarms that the entry may concern.
func (s *Service) where() (string, []any) {
	switch {
	case s.Device != "":
		return "device = ?", []any{s.Device}
	case s.Zone != "":
		return "(zone = ? OR zone > ? AND zone < ?)", []any{s.Zone, s.Zone + "/", s.Zone + "0"}
	}
	return "rule = ?", []any{s.Rule}
}

// PutBack ends an entry before its time.
func (a *Alarms) PutBack(ctx context.Context, id string) error {
	err := a.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		found, err := manyServices(ctx, tx, "id = ? AND ended_at IS NULL", id)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return web.Fail(http.StatusNotFound, "alarm.unknown_out_of_service",
				fmt.Sprintf("nothing is out of service under %q: see GET /api/v1/out-of-service", id))
		}
		p, _ := web.Who(ctx)
		if found[0].Device == "" && p.Role != web.Supervisor && p.Role != web.Admin {
			return web.Fail(http.StatusForbidden, "alarm.supervisor_required", "a zone or a rule is put back into service by a supervisor")
		}
		b := a.batch(tx, who(ctx))
		if err := b.endService(ctx, &found[0]); err != nil {
			return err
		}
		_, err = b.flush(ctx)
		return err
	})
	if err != nil {
		return err
	}
	return a.Committed(ctx)
}

// Services lists what is out of service.
func (a *Alarms) Services(ctx context.Context) ([]Service, error) {
	out, err := standing(ctx, a.o.DB.Read(), a.now())
	if err != nil {
		return nil, fmt.Errorf("alarm: %w", err)
	}
	for i := range out {
		a.nameService(ctx, &out[i])
	}
	return out, nil
}
