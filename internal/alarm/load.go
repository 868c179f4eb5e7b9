package alarm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// inIDs are those of n ids.
func inIDs(n int) string { return "id IN (" + marks(n) + ")" }

// withID is the one.
const withID = "id = ?"

// perStatement is how many values one statement takes; SQLite's own limit is far
// above, a statement's text should stay short.
const perStatement = 200

// marks are n placeholders.
func marks(n int) string { return strings.Repeat(", ?", n)[2:] }

// link is a way by which one alarm may come from another: the rule of the cause,
// and the device or the zone for which it stands.
type link struct{ rule, value string }

// linkAll makes what has come into the hand findable; most transactions place
// nothing and never ask.
func (b *batch) linkAll() {
	for _, al := range b.unlinked {
		b.link(al)
	}
	b.unlinked = b.unlinked[:0]
}

// link makes an open alarm findable for those that come from it, and for those
// that it may come from.
func (b *batch) link(al *Alarm) {
	for _, v := range below(al.Device, al.Zone) {
		k := link{al.Rule, v}
		b.causes[k] = append(b.causes[k], al)
	}
	for _, c := range al.Causes {
		rule, _, _ := strings.Cut(c, "@")
		for _, v := range above(al) {
			k := link{rule, v}
			b.waiting[k] = append(b.waiting[k], al)
		}
	}
}

// below is for what an alarm of the device in the zone may be a cause.
func below(device, zone string) []string {
	out := []string{device}
	if zone != "" {
		if _, ok := group(device); !ok {
			out = append(out, "zone:"+zone)
		}
	}
	return out
}

// above is for what a cause of the alarm would stand.
func above(al *Alarm) []string {
	out := []string{al.Device}
	if al.Via != "" {
		out = append(out, strings.Split(al.Via, "/")...)
	}
	for _, z := range prefixes(al.Zone) {
		out = append(out, "zone:"+z)
	}
	return append(out, "zone:")
}

// effects are the open alarms that come from a new one, of those that were raised
// not long ago: what has stood for hours has another reason.
func (b *batch) effects(al *Alarm) []effect {
	var out []effect
	seen := map[string]bool{}
	for _, v := range below(al.Device, al.Zone) {
		for _, x := range b.waiting[link{al.Rule, v}] {
			if there := b.alarms[x.ID]; there != nil {
				x = there
			}
			if seen[x.ID] || x.ClosedAt != nil || al.RaisedAt.Sub(x.LastAt) > b.a.o.Together || !comesFrom(x, al) {
				continue
			}
			seen[x.ID] = true
			out = append(out, effect{x.ID, x.Incident})
		}
	}
	return out
}

// openSubjects are the open alarms of n subjects.
func openSubjects(n int) string {
	return "closed_at IS NULL AND (rule, device, part, drill) IN (VALUES " + tuples(n, 4) + ")"
}

// openOf reads the open alarms of subjects.
func (b *batch) openOf(ctx context.Context, subjects []subject) error {
	for part := range slices.Chunk(subjects, perStatement) {
		args := make([]any, 0, 4*len(part))
		for _, s := range part {
			args = append(args, s.rule, s.device, s.part, s.drill)
		}
		_, err := b.take(ctx, openSubjects(len(part)), args...)
		if err != nil {
			return err
		}
	}
	return b.incidentsOf(ctx)
}

// incidentsOf reads the incidents of all alarms in hand.
func (b *batch) incidentsOf(ctx context.Context) error {
	ids := set{}
	for _, al := range b.alarms {
		if b.incidents[al.Incident] == nil && al.Incident != "" {
			ids.add(al.Incident)
		}
	}
	for part := range slices.Chunk(ids.sorted(), perStatement) {
		if err := b.loadIncidents(ctx, inIDs(len(part)), part...); err != nil {
			return err
		}
	}
	return nil
}

// around reads what new alarms may belong to: causes, consequences, and incidents
// that are alike.
func (b *batch) around(ctx context.Context, fresh []*Alarm) error {
	if err := b.loadCauses(ctx, fresh); err != nil {
		return err
	}
	for _, al := range fresh {
		if b.a.known.cause(al.Rule) {
			if err := b.loadEffects(ctx, al); err != nil {
				return err
			}
		}
	}
	return b.loadAlike(ctx, fresh)
}

func (b *batch) loadCauses(ctx context.Context, fresh []*Alarm) error {
	rules, devices, zones := set{}, set{}, set{}
	for _, al := range fresh {
		for _, c := range al.Causes {
			rule, scope, _ := strings.Cut(c, "@")
			rules.add(rule)
			for _, v := range above(al) {
				devices.add(v)
			}
			if scope == "zone" {
				zones.add(prefixes(al.Zone)...)
			}
		}
	}
	if len(rules) == 0 {
		return nil
	}
	for column, values := range map[string]set{"device": devices, "zone": zones} {
		for part := range slices.Chunk(values.sorted(), perStatement) {
			rules, part := pad(rules.sorted(), usualRules), pad(part, usualPlaces)
			if _, err := b.take(ctx, openWhere(column, len(rules), len(part)), append(rules, part...)...); err != nil {
				return err
			}
		}
	}
	return nil
}

// An alarm comes from few rules, on few devices: statements for so many are kept
// prepared, and shorter lists are filled up to them.
const (
	usualRules  = 4
	usualPlaces = 16
)

// pad repeats the last value until there are n.
func pad(values []any, n int) []any {
	for len(values) < n {
		values = append(values, values[len(values)-1])
	}
	return values
}

// openWhere are the open alarms of some rules, on some devices or in some zones.
func openWhere(column string, rules, places int) string {
	return "closed_at IS NULL AND rule IN (" + marks(rules) + ") AND " + column + " IN (" + marks(places) + ")"
}

// loadEffects reads, without taking them in hand, the alarms that may come from
// a new one.
func (b *batch) loadEffects(ctx context.Context, al *Alarm) error {
	where, args := []string{"device = ?"}, []any{al.Device}
	zone, ok := group(al.Device)
	if !ok {
		zone = al.Zone
	}
	switch {
	case ok && zone == "":
		where = append(where, "zone >= ''")
	case zone != "":
		where, args = append(where, "zone = ?", "zone > ? AND zone < ?"), append(args, zone, zone+"/", zone+"0") // 0 follows /
	}
	if b.a.known.upstream(al.Device) {
		where, args = append(where, "via LIKE ?"), append(args, "%"+al.Device+"%")
	}
	args = append(args, al.RaisedAt.Add(-b.a.o.Together).UnixMilli(), `%"`+al.Rule+`%`)
	query := "SELECT id, rule, device, zone, via, causes, last_at, drill, incident FROM alarm WHERE closed_at IS NULL AND (" + strings.Join(where, " OR ") + ") AND last_at >= ? AND causes LIKE ?" //nolint:gosec // only placeholders
	rows, err := b.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("read consequences of %s: %w", al.Rule, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		x, err := distant(rows)
		if err != nil {
			return fmt.Errorf("read consequences of %s: %w", al.Rule, err)
		}
		if b.alarms[x.ID] == nil && b.distant[x.ID] == nil {
			b.distant[x.ID] = x
			b.link(x)
		}
	}
	return rows.Err()
}

func (b *batch) byID(ctx context.Context, id string) (*Alarm, error) {
	if al := b.alarms[id]; al != nil {
		return al, nil
	}
	found, err := b.take(ctx, withID, id)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, sql.ErrNoRows
	}
	return found[0], nil
}

// onDevices are the open incidents whose root is on one of n devices.
func onDevices(n int) string { return "closed_at IS NULL AND device IN (" + marks(n) + ")" }

// atSpots are the open incidents of n pairs of cause and place.
func atSpots(n int) string {
	return "closed_at IS NULL AND (cause, spot) IN (VALUES " + tuples(n, 2) + ")"
}

// loadAlike reads the open incidents whose root is on the same device, or that
// have the same cause and place.
func (b *batch) loadAlike(ctx context.Context, fresh []*Alarm) error {
	devices := set{}
	var spots []any
	for _, al := range fresh {
		devices.add(al.Device)
		spots = append(spots, [2]string{al.Cause, al.Spot})
	}
	slices.SortFunc(spots, func(i, j any) int {
		x, y := i.([2]string), j.([2]string)
		return slices.Compare(x[:], y[:])
	})
	for part := range slices.Chunk(devices.sorted(), perStatement) {
		if err := b.loadIncidents(ctx, onDevices(len(part)), part...); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(slices.Compact(spots), perStatement) {
		args := make([]any, 0, 2*len(part))
		for _, s := range part {
			args = append(args, s.([2]string)[0], s.([2]string)[1])
		}
		if err := b.loadIncidents(ctx, atSpots(len(part)), args...); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) loadIncidents(ctx context.Context, where string, args ...any) error {
	found, err := manyIncidents(ctx, b.tx, where, args...)
	if err != nil {
		return err
	}
	for _, inc := range found {
		if b.incidents[inc.ID] == nil {
			inc.note()
			b.incidents[inc.ID] = inc
			b.known = append(b.known, inc)
		}
	}
	return nil
}

func (b *batch) incident(ctx context.Context, id string) (*Incident, error) {
	if inc := b.incidents[id]; inc != nil {
		return inc, nil
	}
	if err := b.loadIncidents(ctx, withID, id); err != nil {
		return nil, err
	}
	if inc := b.incidents[id]; inc != nil {
		return inc, nil
	}
	return nil, errors.Join(fmt.Errorf("incident %q", id), sql.ErrNoRows)
}

func (b *batch) touch(inc *Incident) {
	if !inc.touched {
		inc.touched = true
		b.touched = append(b.touched, inc)
	}
}

// set of texts.
type set map[string]bool

func (s set) add(values ...string) {
	for _, v := range values {
		s[v] = true
	}
}

func (s set) sorted() []any {
	out := make([]string, 0, len(s))
	for v := range s {
		out = append(out, v)
	}
	slices.Sort(out)
	all := make([]any, len(out))
	for i, v := range out {
		all[i] = v
	}
	return all
}
