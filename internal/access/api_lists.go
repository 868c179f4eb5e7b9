package access

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"dongyue/internal/web"
)

// ListView is how the list of a door stands, as the API shows it.
type ListView struct {
	Door      string     `json:"door"`
	Name      string     `json:"name"`
	Zone      string     `json:"zone"`
	Online    bool       `json:"online"`
	State     string     `json:"state" enum:"current,old,none,unsupported" doc:"none: the door keeps lists and has none; unsupported: it has never spoken of lists"`
	Version   uint64     `json:"version" doc:"the newest"`
	Entries   int        `json:"entries"`
	IssuedAt  *time.Time `json:"issued_at,omitempty"`
	Has       uint64     `json:"has" doc:"what the door has confirmed"`
	HasIssued *time.Time `json:"has_issued_at,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"nothing opens by the door's list from then on"`
	Since     *time.Time `json:"since,omitempty" doc:"old since"`
	Revoked   int        `json:"revoked" doc:"credentials taken away that its list still has"`
	Narrowed  int        `json:"narrowed" doc:"credentials that open less now, which its list has as they were"`
	Until     *time.Time `json:"until,omitempty" doc:"one of both could open until then while the door is alone"`
	Refused   string     `json:"refused,omitempty" doc:"why it took none last"`
	RefusedAt *time.Time `json:"refused_at,omitempty"`
}

func (d *doorRights) state() string {
	switch {
	case d.have < 0:
		return "unsupported"
	case d.current():
		return "current"
	case d.have == 0:
		return "none"
	}
	return "old"
}

func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (d *doorRights) view() ListView {
	v := ListView{
		Door: d.door.ID, Name: d.door.Name, Zone: d.door.Zone, Online: d.door.Online, State: d.state(), Version: d.version,
		IssuedAt: timeOf(d.issued), Has: uint64(max(d.have, 0)), Since: timeOf(d.oldSince), Refused: d.fault, RefusedAt: timeOf(d.faultAt), //nolint:gosec // not negative
	}
	if d.tree != nil {
		v.Entries = d.tree.Len()
	}
	if d.have > 0 {
		v.HasIssued, v.ExpiresAt = timeOf(d.haveIssued), timeOf(d.haveIssued.Add(remember))
	}
	return v
}

// DoorLists tells how the lists of doors stand, by door; old: only of those that could
// go by a list that is not the newest.
func (x *Access) DoorLists(ctx context.Context, old bool) ([]ListView, error) {
	views := []ListView{}
	place := map[string]int{}
	x.lists.mu.Lock()
	for _, d := range x.lists.doors {
		if v := d.view(); !old || v.State == "old" || v.State == "none" {
			views = append(views, v)
		}
	}
	x.lists.mu.Unlock()
	slices.SortFunc(views, func(a, b ListView) int { return strings.Compare(a.Door, b.Door) })
	for i, v := range views {
		place[v.Door] = i
	}
	err := x.each(ctx, "SELECT door, version, good_to, life, narrowed FROM access_list_gone", nil, func(rows *sql.Rows) error {
		var door string
		var version uint64
		var goodTo, life int64
		var narrowed bool
		if err := rows.Scan(&door, &version, &goodTo, &life, &narrowed); err != nil {
			return err
		}
		if i, ok := place[door]; ok {
			views[i].gone(version, goodTo, life, narrowed, now())
		}
		return nil
	})
	return views, err
}

// gone adds a credential that was taken away, or narrowed, since version.
func (v *ListView) gone(version uint64, goodTo, life int64, narrowed bool, t time.Time) {
	if v.State != "old" || v.Has >= version || v.HasIssued == nil {
		return
	}
	until := v.HasIssued.Add(time.Duration(life) * time.Millisecond)
	if end := unixMS(goodTo); goodTo != 0 && end.Before(until) {
		until = end
	}
	if !until.After(t) {
		return
	}
	if narrowed {
		v.Narrowed++
	} else {
		v.Revoked++
	}
	if v.Until == nil || until.After(*v.Until) {
		v.Until = &until
	}
}

type listsIn struct {
	Old bool `query:"old" doc:"only doors that do not have the newest"`
}

// keyBody is the key that controllers are given when they are installed.
type keyBody struct {
	Algorithm   string `json:"algorithm" enum:"Ed25519"`
	PublicKey   string `json:"public_key" doc:"base64"`
	Fingerprint string `json:"fingerprint" doc:"SHA-256 of the key, hex"`
}

func (x *Access) registerLists(a *web.API) {
	web.Register(a, web.Op{
		Method: "GET", Path: "/door-lists", Summary: "By which list of rights each door would decide alone", Tag: tag, Action: web.DoorsRead,
	}, func(ctx context.Context, in *listsIn) (*all[ListView], error) {
		return answerAll(x.DoorLists(ctx, in.Old))
	})
	web.Register(a, web.Op{
		Method: "GET", Path: "/door-lists/key", Summary: "The key that signs the lists of doors", Tag: tag, Action: web.DoorsRead,
	}, func(context.Context, *nothing) (*one[keyBody], error) {
		key := x.ListKey()
		sum := sha256.Sum256(key)
		return answerOne(keyBody{"Ed25519", base64.StdEncoding.EncodeToString(key), hex.EncodeToString(sum[:])}, nil)
	})
}

// Collector tells how the doors' lists stand as metrics, dongyue_door_list….
func (x *Access) Collector() prometheus.Collector { return listCollector{x} }

type listCollector struct{ x *Access }

// Describe names the metrics by reading them once.
func (c listCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect reads the state.
func (c listCollector) Collect(ch chan<- prometheus.Metric) {
	l := &c.x.lists
	n := map[string]int{"current": 0, "old": 0, "none": 0, "unsupported": 0}
	l.mu.Lock()
	for _, d := range l.doors {
		n[d.state()]++
	}
	refused, took := l.refused, l.took
	l.mu.Unlock()
	doors := prometheus.NewDesc("dongyue_door_lists", "Doors by the list of rights that they have.", []string{"state"}, nil)
	for state, count := range n {
		ch <- prometheus.MustNewConstMetric(doors, prometheus.GaugeValue, float64(count), state)
	}
	ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("dongyue_door_lists_refused_total", "Lists that doors did not take.", nil, nil),
		prometheus.CounterValue, float64(refused))
	ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("dongyue_door_lists_build_seconds", "How long the last building of all lists took.", nil, nil),
		prometheus.GaugeValue, took.Seconds())
}
