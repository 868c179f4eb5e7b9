package access

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"dongyue/internal/doorlist"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

// wire carries lists to keepers as a broker would; what a keeper has it reports.
type wire struct {
	keepers map[string]*doorlist.Keeper
	bases   []uint64 // of the lists that came
	cut     bool
	backlog int
	err     error // of the last list
}

func (w *wire) SendList(door string, message []byte) error {
	if w.cut {
		return nil
	}
	var m doorlist.Message
	if err := json.Unmarshal(message, &m); err != nil {
		return err
	}
	k := w.keepers[door]
	done, err := k.Receive(*m.Rights, time.Now())
	if done {
		w.bases = append(w.bases, m.Rights.Base)
	}
	if w.err = err; err != nil {
		return err
	}
	return nil
}

func (w *wire) Backlog(string) int { return w.backlog }

// stair is the room with two doors that keep lists.
type stair struct {
	*house
	wire *wire
}

func newStair(t testing.TB) *stair {
	t.Helper()
	s := &stair{newHouse(t), &wire{keepers: map[string]*doorlist.Keeper{}}}
	s.connect()
	return s
}

// connect gives the room its wire, as after a start.
func (s *stair) connect() {
	s.t.Helper()
	s.lists.send = s.wire
	if err := s.loadLists(context.Background()); err != nil {
		s.t.Fatal(err)
	}
	for _, id := range []string{"door-1", "door-2"} {
		if s.wire.keepers[id] == nil {
			s.wire.keepers[id] = &doorlist.Keeper{Door: id, Key: s.ListKey()}
		}
	}
	s.turn()
}

// turn does what Run does, and lets the doors report.
func (s *stair) turn() {
	s.t.Helper()
	ctx := context.Background()
	if err := s.stretchAll(ctx); err != nil {
		s.t.Fatal(err)
	}
	for range 3 {
		if err := s.turnLists(ctx, now()); err != nil {
			s.t.Fatal(err)
		}
		if !s.wire.cut {
			s.report()
		}
	}
}

// returns has a door go and come back, as after a cut of its network.
func (s *stair) returns(door string) {
	s.t.Helper()
	for _, there := range []bool{false, true} {
		s.desk.mu.Lock()
		d := s.desk.doors[door]
		d.Online = there
		s.desk.doors[door] = d
		s.desk.mu.Unlock()
		s.turn()
	}
}

func (s *stair) report() {
	s.t.Helper()
	var evs []event.Event
	for _, id := range slices.Sorted(maps.Keys(s.wire.keepers)) {
		k := s.wire.keepers[id]
		evs = append(evs, event.Event{
			Device: id, Kind: event.Door, Channel: event.State, At: now(), ReceivedAt: now(),
			Data: fmt.Appendf(nil, `{"mode":"controlled","rights":{"version":%d,"hash":%q}}`, k.Version(), k.Hash()),
		})
	}
	s.handle(evs...)
}

// opens asks a door that is alone.
func (s *stair) opens(door, card string) bool {
	open, _ := s.wire.keepers[door].Decide("card", card, event.Controlled, time.Now())
	return open
}

func (s *stair) wantOpen(door string, cards map[string]bool) {
	s.t.Helper()
	for card, want := range cards {
		if got := s.opens(door, card); got != want {
			s.t.Errorf("%s at %s: %v, want %v", card, door, got, want)
		}
	}
}

func (s *stair) view(door string) ListView {
	s.t.Helper()
	vs, err := s.DoorLists(context.Background(), false)
	if err != nil {
		s.t.Fatal(err)
	}
	return vs[slices.IndexFunc(vs, func(v ListView) bool { return v.Door == door })]
}

func TestChangesReachTheDoorAsDifferences(t *testing.T) {
	ctx := context.Background()
	s := newStair(t)
	boss := s.login("boss", web.Admin, "")
	a := s.resident("陈建国", "0000004711", "door-1")
	b := s.resident("李秀英", "0000004712", "door-1")
	s.turn()
	s.wantOpen("door-1", map[string]bool{"0000004711": true, "0000004712": true, "0000004713": false})
	s.wantOpen("door-2", map[string]bool{"0000004711": false})
	first := s.view("door-1")
	if first.State != "current" || first.Entries != 2 {
		t.Fatalf("%+v", first)
	}
	s.wire.bases = nil
	cs, err := s.Credentials(ctx, a, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RevokeCredential(ctx, "test", cs[0].ID, true); err != nil {
		t.Fatal(err)
	}
	s.turn()
	s.wantOpen("door-1", map[string]bool{"0000004711": false, "0000004712": true})
	if v := s.view("door-1"); v.Version != first.Version+1 || !slices.Equal(s.wire.bases, []uint64{first.Version}) {
		t.Errorf("version %d after %d, lists from %v", v.Version, first.Version, s.wire.bases)
	}
	// The card is given to somebody else in the same breath as another one moves out.
	s.want(201, "POST", "/credentials", `{"person":"`+b+`","type":"card","value":"0000004711"}`, boss)
	s.turn()
	s.wantOpen("door-1", map[string]bool{"0000004711": true})
	if _, err := s.MoveOut(ctx, "test", b); err != nil {
		t.Fatal(err)
	}
	s.turn()
	s.wantOpen("door-1", map[string]bool{"0000004711": false, "0000004712": false})
	if v := s.view("door-1"); v.State != "current" || v.Entries != 0 {
		t.Errorf("%+v", v)
	}
}

// After a restart an unchanged list keeps its version, and nobody is sent anything.
func TestRestartKeepsVersions(t *testing.T) {
	s := newStair(t)
	s.resident("陈建国", "0000004711", "door-1")
	s.turn()
	was := s.view("door-1")
	s.start()
	s.wire.bases = nil
	s.connect()
	s.turn()
	if v := s.view("door-1"); v.Version != was.Version || v.State != "current" || len(s.wire.bases) != 0 {
		t.Errorf("version %d after %d, %d lists sent", v.Version, was.Version, len(s.wire.bases))
	}
	s.resident("李秀英", "0000004712", "door-1")
	s.turn()
	s.wantOpen("door-1", map[string]bool{"0000004711": true, "0000004712": true})

	// The hub comes back from a backup: what the doors have is newer, and so is what follows.
	if err := s.db.Tx(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec("UPDATE access_lists SET version = 1, root = 'x'")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.connect()
	s.turn()
	if v := s.view("door-1"); v.State != "current" || v.Version <= was.Version {
		t.Errorf("after a restore: %+v", v)
	}
}

func TestWhoIsAwayIsShownWithItsDanger(t *testing.T) {
	ctx := context.Background()
	s := newStair(t)
	end := now().Add(2 * time.Hour)
	a := s.resident("陈建国", "0000004711", "door-1")
	boss := s.login("boss", web.Admin, "")
	s.want(201, "POST", "/credentials", fmt.Sprintf(`{"person":%q,"type":"card","value":"0000009999","valid_to":%q}`, a, end.Format(time.RFC3339)), boss)
	s.turn()
	s.wire.cut = true
	cs, err := s.Credentials(ctx, a, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	short := cs[slices.IndexFunc(cs, func(c CredentialInfo) bool { return c.ValidTo != nil })]
	if err := s.RevokeCredential(ctx, "test", short.ID, false); err != nil {
		t.Fatal(err)
	}
	s.turn()
	v := s.view("door-1")
	if v.State != "old" || v.Revoked != 1 || v.Until == nil || v.Until.Sub(end).Abs() > 2*time.Second || v.Since == nil || v.Has+1 != v.Version {
		t.Fatalf("%+v", v)
	}
	if _, err := s.MoveOut(ctx, "test", a); err != nil {
		t.Fatal(err)
	}
	s.turn()
	if v = s.view("door-1"); v.Revoked != 2 || v.Until.Sub(*v.HasIssued) != remember {
		t.Fatalf("%+v", v)
	}
	old := s.want(200, "GET", "/door-lists?old=true", "", boss)["items"].([]any) //nolint:forcetypeassert // it fails the test
	if len(old) != 1 {
		t.Errorf("%d old lists", len(old))
	}
	s.wire.cut = false
	s.returns("door-1")
	s.turn()
	if v = s.view("door-1"); v.State != "current" || v.Revoked != 0 || v.Since != nil {
		t.Errorf("%+v", v)
	}
	key := s.want(200, "GET", "/door-lists/key", "", boss)
	if key["algorithm"] != "Ed25519" || len(fmt.Sprint(key["public_key"])) != 44 {
		t.Errorf("key %v", key)
	}
}

// What a door can't judge alone it does not get; what limits a right it does.
func TestWhatStandsInALine(t *testing.T) {
	always, err := ParseSchedule(Always)
	if err != nil {
		t.Fatal(err)
	}
	n := now().UnixMilli()
	hour := int64(3600_000)
	rights := func(rs ...Right) *Holder { return &Holder{Doors: map[string][]Right{"d1": rs}} }
	good := Right{Schedule: always}
	host := &Person{ID: "h", Own: rights(Right{Schedule: always, To: n + 2*hour})}
	for name, c := range map[string]struct {
		c    Credential
		p    Person
		pol  *Policy
		used int32
		want bool
		to   int64
	}{
		"resident":               {want: true},
		"not stretched yet":      {c: Credential{offline: offlineKey{kind: notOffline, ref: doorlist.Ref{1}}}},
		"revoked":                {c: Credential{Revoked: n - 1}},
		"expired":                {c: Credential{To: n - 1}},
		"ends":                   {c: Credential{To: n + hour}, want: true, to: n + hour},
		"moved out":              {p: Person{Left: n - 1}},
		"child without consent":  {p: Person{Kind: Child}},
		"child with consent":     {p: Person{Kind: Child, Consent: true}, want: true},
		"escorted":               {p: Person{Escort: EscortStaff}},
		"two persons":            {pol: &Policy{TwoPerson: 1000}},
		"interlock":              {pol: &Policy{Interlock: []string{"d2"}}},
		"copyable at the fence":  {c: Credential{Type: "card", Class: ClassUID}, pol: &Policy{RefuseUID: true}},
		"crypto at the fence":    {c: Credential{Type: "card", Class: ClassCrypto}, pol: &Policy{RefuseUID: true}, want: true},
		"used up":                {c: Credential{MaxUses: 2}, used: 2},
		"one left":               {c: Credential{MaxUses: 2}, used: 1, want: true},
		"no right":               {p: Person{Own: newHolder()}},
		"right taken away":       {p: Person{Own: rights(Right{Schedule: always, Ended: n - 1})}},
		"right over":             {p: Person{Own: rights(Right{Schedule: always, To: n - 1})}},
		"right ends":             {p: Person{Own: rights(Right{Schedule: always, To: n + hour})}, want: true, to: n + hour},
		"right of a zone around": {p: Person{Own: &Holder{Zones: map[string][]Right{"east": {good}}}}, want: true},
		"right of another zone":  {p: Person{Own: &Holder{Zones: map[string][]Right{"west": {good}}}}},
		"right of a group":       {p: Person{Own: &Holder{Groups: map[string][]Right{"gates": {good}}}}, pol: &Policy{Groups: []string{"gates"}}, want: true},
		"right of its group":     {p: Person{Own: newHolder(), Groups: []*Holder{rights(good)}}, want: true},
		"guest":                  {p: Person{Kind: Visitor, Host: host}, want: true, to: n + 2*hour},
		"guest of who moved out": {p: Person{Kind: Visitor, Host: &Person{Left: n - 1, Own: rights(good)}}},
		"guest of a stranger":    {p: Person{Kind: Visitor, Host: &Person{Own: newHolder()}}},
	} {
		if c.c.offline == (offlineKey{}) {
			c.c.offline.kind = byValue
		}
		if c.p.Own == nil {
			c.p.Own = rights(good)
		}
		c.c.ID, c.c.Person = "c", &c.p
		b := &builder{now: n, used: map[useCount]int32{{"c", "d1"}: c.used}, ids: map[doorlist.Right]doorlist.SetID{}}
		d := &Door{ID: "d1", Zone: "east/b01/u1"}
		set := b.set(slices.Clone(b.rights(&c.p, d, c.pol)))
		e, ok := b.entry(&c.c, d, c.pol, &set)
		if ok != c.want || ok && int64(e.To) != c.to/1000 {
			t.Errorf("%s: %v until %d, want %v until %d", name, ok, e.To, c.want, c.to/1000)
		}
	}
}

// A card of before lists is not known to doors until it is shown once.
func TestCardsOfBeforeAreLearned(t *testing.T) {
	s := newStair(t)
	s.resident("陈建国", "0000004711", "door-1")
	if err := s.db.Tx(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec("UPDATE access_credentials SET offline = x''")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.connect()
	s.turn()
	s.wantOpen("door-1", map[string]bool{"0000004711": false})
	s.swipe("door-1", "0000004711")
	s.turn()
	s.wantOpen("door-1", map[string]bool{"0000004711": true})
	var sealed []byte
	if err := s.db.Read().QueryRow("SELECT offline FROM access_credentials").Scan(&sealed); err != nil || len(sealed) < 32 || sealed[0] != sealedStretched {
		t.Errorf("%x %v", sealed, err)
	}
	if _, err := s.unseal("another", sealed); err == nil {
		t.Error("a seal opens for another credential")
	}
}

// What a door did alone counts once, in its own time, and a copy of it not at all.
func TestAfterTheFact(t *testing.T) {
	ctx := context.Background()
	s := newStair(t)
	boss := s.login("boss", web.Admin, "")
	s.want(204, "PUT", "/passback-areas/yard", `{"name":"院","passback":"alert"}`, boss)
	s.want(204, "PUT", "/door-policies/door-1", `{"inside":"yard"}`, boss)
	p := s.resident("陈建国", "0000004711", "door-1")
	s.want(201, "POST", "/credentials", `{"person":"`+p+`","type":"card","value":"0000004712","max_uses":3}`, boss)
	alone := func(card string, ago time.Duration) event.Event {
		ev := s.badge("door-1", "card", card, "granted")
		ev.At, ev.Late = ev.ReceivedAt.Add(-ago), true
		return ev
	}
	first, second := alone("0000004712", 2*time.Hour), alone("0000004712", time.Hour)
	s.handle(first, second)
	s.handle(first, second) // said again
	var used int
	if err := s.db.Read().QueryRow("SELECT used FROM access_uses").Scan(&used); err != nil || used != 2 {
		t.Errorf("used %d times: %v", used, err)
	}
	where := func() (area string, at int64) {
		if err := s.db.Read().QueryRow("SELECT area, at FROM access_whereabouts WHERE person = ?", p).Scan(&area, &at); err != nil {
			t.Fatal(err)
		}
		return area, at
	}
	if area, at := where(); area != "yard" || at != second.At.UnixMilli() {
		t.Errorf("in %q since %d", area, at)
	}
	s.handle(alone("0000004711", 90*time.Minute)) // an older one comes later
	if _, at := where(); at != second.At.UnixMilli() {
		t.Errorf("an older passage moved somebody: %d", at)
	}
	bs := s.log()
	if len(bs) != 3 || !bs[0].Late || bs[0].By != ByDoor || bs[0].Flag != None {
		t.Errorf("log %+v", bs)
	}
	// The hub's answer and the door's own decision are one passage.
	s.handle(s.badge("door-1", "card", "0000004712", "ask"))
	s.handle(s.badge("door-1", "card", "0000004712", "granted"))
	if err := s.db.Read().QueryRow("SELECT used FROM access_uses").Scan(&used); err != nil || used != 3 {
		t.Errorf("used %d times: %v", used, err)
	}
	cs, err := s.Credentials(ctx, p, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cs {
		if err := s.RevokeCredential(ctx, "test", c.ID, true); err != nil {
			t.Fatal(err)
		}
	}
	later := s.badge("door-1", "card", "0000004711", "granted")
	tried := s.badge("door-1", "card", "0000004711", "denied")
	before := alone("0000004711", time.Minute) // it was good then
	s.handle(later, tried, before, later)
	rows, err := s.db.Read().Query("SELECT data FROM access_reports WHERE type = ? ORDER BY id", reportRevoked)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var granted []bool
	for rows.Next() {
		var text string
		var d struct {
			Granted bool
			Reason  Reason
			Badge   int64
		}
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(text), &d); err != nil || d.Reason != LostStolen || d.Badge == 0 {
			t.Errorf("%s: %v", text, err)
		}
		granted = append(granted, d.Granted)
	}
	if err := rows.Err(); err != nil || len(granted) != 2 || granted[0] == granted[1] {
		t.Errorf("reports %v: %v", granted, err)
	}
}

func FuzzReadReport(f *testing.F) {
	f.Add([]byte(`{"rights":{"version":7,"hash":"00ff"}}`))
	f.Fuzz(func(t *testing.T, state []byte) {
		if r, ok := readReport(state); ok && (int64(r.Version) < 0 || len(r.Hash) > 64) {
			t.Fatalf("%+v", r)
		}
	})
}
