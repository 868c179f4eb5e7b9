package doorlist

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"dongyue/internal/event"
)

// issuer is a hub that makes lists for one door.
type issuer struct {
	t    testing.TB
	key  ed25519.PrivateKey
	code ed25519.PrivateKey
	head Head
	tree *Tree
}

var noon = time.Date(2026, 11, 30, 4, 0, 0, 0, time.UTC) // noon in China

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	is := &issuer{t: t, key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32)), code: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, 32)), tree: NewTree()}
	is.head = Head{
		Door: "door-1", Version: 1, IssuedAt: noon, ExpiresAt: noon.Add(30 * 24 * time.Hour), Salt: bytes.Repeat([]byte{7}, 16),
		Stretch: Stretch{Salt: []byte("community"), N: 2, R: 1, P: 1}, CodeKey: is.code.Public().(ed25519.PublicKey), Rung: "controlled", OffsetS: 8 * 3600,
		Classes: []Class{{Name: "resident", ForS: 30 * 86400}, {Name: "courier", ForS: 86400}, {Name: "visitor_once", ForS: 86400, Leave: true}}, Sets: map[string][]Right{},
	}
	return is
}

func (is *issuer) set(rights ...Right) SetID {
	id := IDOf(rights)
	is.head.Sets[id.String()] = rights
	return id
}

func (is *issuer) card(value string, e Entry) Entry {
	v, err := is.head.Stretch.Of("card", value)
	if err != nil {
		is.t.Fatal(err)
	}
	e.Key = KeyOf(Salt(is.head.Salt), v)
	if e.Set == (SetID{}) {
		e.Set = is.set(Right{When: "always"})
	}
	is.tree.Set(e)
	return e
}

// whole is the list as it goes out; change damages it on its way.
func (is *issuer) whole(change ...func(*Body)) []byte {
	is.t.Helper()
	b := is.body()
	for e := range is.tree.All() {
		b.Set = append(b.Set, e)
	}
	for _, f := range change {
		f(b)
	}
	return b.Encode()
}

func (is *issuer) body() *Body {
	root := is.tree.Root()
	is.head.Root, is.head.Entries = hex.EncodeToString(root[:]), is.tree.Len()
	head, sig, err := is.head.Sign(is.key)
	if err != nil {
		is.t.Fatal(err)
	}
	return &Body{Head: head, Sig: sig}
}

func (is *issuer) keeper() *Keeper {
	return &Keeper{Door: "door-1", Key: is.key.Public().(ed25519.PublicKey)}
}

func faultOf(err error) Fault {
	if r, ok := errors.AsType[*RefusedError](err); ok {
		return r.Fault
	}
	return ""
}

func TestListOpensForWhoStandsInIt(t *testing.T) {
	is := newIssuer(t)
	is.card("04 A2:33-1f", Entry{})
	is.card("visitor", Entry{To: uint32(noon.Add(time.Hour).Unix())})
	is.card("early", Entry{From: uint32(noon.Add(time.Hour).Unix())})
	is.card("courier", Entry{Class: 1})
	is.card("once", Entry{Uses: 1})
	is.card("office", Entry{Set: is.set(Right{When: "mon-fri 08:00-18:00"})})
	is.card("rescue", Entry{Set: is.set(Right{When: "always", Lockdown: true})})
	k := is.keeper()
	if err := k.Apply(is.whole(), noon); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		value string
		rung  event.Rung
		after time.Duration
		want  string
	}{
		{"04a2331F", event.Controlled, 0, Granted},
		{"stranger", event.Controlled, 0, unknown},
		{"stranger", event.FireRelease, 0, GrantedFree},
		{"04a2331F", event.Lockdown, 0, lockedDown},
		{"rescue", event.Lockdown, 0, Granted},
		{"visitor", event.Controlled, 0, Granted},
		{"visitor", event.Controlled, time.Hour, expired},
		{"early", event.Controlled, 0, notYetValid},
		{"early", event.Controlled, time.Hour, Granted},
		{"courier", event.Controlled, 24*time.Hour - time.Second, Granted},
		{"courier", event.Controlled, 24 * time.Hour, listExpired},
		{"once", event.Controlled, 0, Granted},
		{"once", event.Controlled, 0, usedUp},
		{"office", event.Controlled, 0, Granted},
		{"office", event.Controlled, 7 * time.Hour, outside},
		{"office", event.Controlled, 5 * 24 * time.Hour, outside}, // Saturday
		{"04a2331F", event.Controlled, 30 * 24 * time.Hour, listExpired},
		{"04a2331F", event.Controlled, -time.Hour, clockWrong},
	} {
		open, reason := k.Decide("card", c.value, c.rung, noon.Add(c.after))
		if reason != c.want || open != (c.want == Granted || c.want == GrantedFree) {
			t.Errorf("%s on %v after %v: %v %q, want %q", c.value, c.rung, c.after, open, reason, c.want)
		}
	}
	if open, reason := k.Decide("pin", "135790", event.Controlled, noon); open || reason != notOffline {
		t.Errorf("a PIN: %v %q", open, reason)
	}
	if open, reason := (&Keeper{}).Decide("card", "04a2331F", event.Controlled, noon); open || reason != NoList {
		t.Errorf("without a list: %v %q", open, reason)
	}
}

func TestHolidaysAndTheFirstPerson(t *testing.T) {
	is := newIssuer(t)
	is.head.FirstIn = true
	is.head.Days = map[string]DayKind{"2026-12-01": Holiday}
	is.card("boss", Entry{Set: is.set(Right{When: "mon-fri 08:00-18:00", First: true})})
	is.card("clerk", Entry{Set: is.set(Right{When: "mon-fri 08:00-18:00"})})
	k := is.keeper()
	if err := k.Apply(is.whole(), noon); err != nil {
		t.Fatal(err)
	}
	tuesday := noon.Add(24 * time.Hour)
	for i, c := range []struct {
		who  string
		at   time.Time
		want string
	}{
		{"clerk", noon, firstPerson}, {"boss", noon, Granted}, {"clerk", noon.Add(time.Minute), Granted},
		{"boss", tuesday, outside}, {"clerk", tuesday.Add(24 * time.Hour), firstPerson},
	} {
		if _, reason := k.Decide("card", c.who, event.Controlled, c.at); reason != c.want {
			t.Errorf("%d: %s: %q, want %q", i, c.who, reason, c.want)
		}
	}
}

func TestRotatingCodesWithoutTheHub(t *testing.T) {
	is := newIssuer(t)
	ref := Ref{1, 2, 3}
	is.tree.Set(Entry{Key: KeyOfCode(Salt(is.head.Salt), ref), Set: is.set(Right{When: "always"})})
	k := is.keeper()
	if err := k.Apply(is.whole(), noon); err != nil {
		t.Fatal(err)
	}
	code := func(door string, at time.Time, key ed25519.PrivateKey) string {
		c := Code{Ref: ref, Step: StepOf(at), Scope: ScopeOf(door)}
		c.Sig = [64]byte(ed25519.Sign(key, c.Body()))
		return c.String()
	}
	good := code("", noon, is.code)
	for i, c := range []struct{ value, want string }{
		{good, Granted}, {good, replayed}, {code("door-1", noon, is.code), Granted}, {code("door-2", noon, is.code), wrongDoor},
		{code("", noon.Add(-time.Minute), is.code), qrExpired}, {code("", noon, is.key), unknown}, {CodePrefix, unknown},
	} {
		if _, reason := k.Decide("qr", c.value, event.Controlled, noon); reason != c.want {
			t.Errorf("%d: %q, want %q", i, reason, c.want)
		}
	}
}

// What does not fit is refused whole, and the list before goes on to open.
func TestBadListsAreRefusedWhole(t *testing.T) {
	is := newIssuer(t)
	is.card("resident", Entry{})
	is.head.Version = 5
	k := is.keeper()
	if err := k.Apply(is.whole(), noon); err != nil {
		t.Fatal(err)
	}
	stranger := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32))
	change := func(f func(is *issuer), damage ...func(*Body)) []byte {
		other := newIssuer(t)
		other.head.Version = 6
		other.card("thief", Entry{})
		f(other)
		return other.whole(damage...)
	}
	same := func(*issuer) {}
	full := change(same)
	cases := map[string]struct {
		body []byte
		want Fault
	}{
		"older":           {change(func(is *issuer) { is.head.Version = 4 }), OldVersion},
		"same version":    {change(func(is *issuer) { is.head.Version = 5 }), OldVersion},
		"another hub":     {change(func(is *issuer) { is.key = stranger }), WrongSignature},
		"another door":    {change(func(is *issuer) { is.head.Door = "door-2" }), WrongDoor},
		"expired":         {change(func(is *issuer) { is.head.ExpiresAt = noon }, func(b *Body) {}), BadFormat},
		"long expired":    {change(func(is *issuer) { is.head.IssuedAt, is.head.ExpiresAt = noon.Add(-40*24*time.Hour), noon }), ListExpired},
		"from the future": {change(func(is *issuer) { is.head.IssuedAt = noon.Add(time.Hour) }), BadFormat},
		"from tomorrow": {change(func(is *issuer) {
			is.head.IssuedAt, is.head.ExpiresAt = noon.Add(24*time.Hour), noon.Add(40*24*time.Hour)
		}), NotYet},
		"entry changed":        {change(same, func(b *Body) { b.Set[0].To++ }), WrongHash},
		"entry lost":           {change(same, func(b *Body) { b.Set = nil }), WrongHash},
		"entry added":          {change(same, func(b *Body) { b.Set = append(b.Set, Entry{Key: Key{255, 255}}) }), WrongHash},
		"head changed":         {change(same, func(b *Body) { b.Head = bytes.Replace(b.Head, []byte(`"version":6`), []byte(`"version":7`), 1) }), WrongSignature},
		"of another base":      {change(same, func(b *Body) { b.Base = 3 }), WrongBase},
		"a free rung":          {change(func(is *issuer) { is.head.Rung = "maintenance" }), BadFormat},
		"a bad schedule":       {change(func(is *issuer) { is.card("x", Entry{Set: is.set(Right{When: "noon"})}) }), BadFormat},
		"a set that is not":    {change(func(is *issuer) { is.card("x", Entry{Set: SetID{1}}) }), BadFormat},
		"a class that is not":  {change(func(is *issuer) { is.card("x", Entry{Class: 9}) }), BadFormat},
		"a class for ever":     {change(func(is *issuer) { is.head.Classes[1].ForS = 1 << 40 }), BadFormat},
		"a dear stretch":       {change(func(is *issuer) { is.head.Stretch.N = 1 << 30 }), BadFormat},
		"bytes behind":         {append(bytes.Clone(full), 0), BadFormat},
		"nothing":              {nil, BadFormat},
		"too large":            {make([]byte, maxBodySize+1), TooLarge},
		"unsorted":             {change(func(is *issuer) { is.card("x", Entry{}) }, func(b *Body) { b.Set[0], b.Set[1] = b.Set[1], b.Set[0] }), BadFormat},
		"whole with a dropped": {change(same, func(b *Body) { b.Drop = []Key{{1}} }), BadFormat},
	}
	for n := range len(full) {
		cases[fmt.Sprint("cut after ", n)] = struct {
			body []byte
			want Fault
		}{full[:n], BadFormat}
	}
	for name, c := range cases {
		if err := k.Apply(c.body, noon); faultOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if open, _ := k.Decide("card", "resident", event.Controlled, noon); !open || k.Version() != 5 || k.Len() != 1 {
			t.Fatalf("%s: the list before is gone: version %d, %d entries", name, k.Version(), k.Len())
		}
		if open, _ := k.Decide("card", "thief", event.Controlled, noon); open {
			t.Fatalf("%s: a refused list opens", name)
		}
	}
	if err := k.Apply(full, noon); err != nil {
		t.Errorf("the undamaged list: %v", err)
	}
}

func TestDifferences(t *testing.T) {
	is := newIssuer(t)
	lost := is.card("lost", Entry{})
	is.card("resident", Entry{})
	k := is.keeper()
	if err := k.Apply(is.whole(), noon); err != nil {
		t.Fatal(err)
	}
	first := k.head
	is.tree.Delete(lost.Key)
	fresh := is.card("fresh", Entry{})
	is.head.Version = 2
	b := is.body()
	b.Base, b.Set, b.Drop = 1, []Entry{fresh}, []Key{lost.Key}
	delta := b.Encode()
	b.Drop = nil
	if err := k.Apply(b.Encode(), noon); faultOf(err) != WrongHash || k.head.Root != first.Root {
		t.Errorf("a difference that keeps the lost card: %v", err)
	}
	for range 2 { // said again it is nothing new
		if err := k.Apply(delta, noon); err != nil {
			t.Fatal(err)
		}
	}
	for value, want := range map[string]bool{"lost": false, "resident": true, "fresh": true} {
		if open, reason := k.Decide("card", value, event.Controlled, noon); open != want {
			t.Errorf("%s: %v %s", value, open, reason)
		}
	}
	if err := is.keeper().Apply(delta, noon); faultOf(err) != WrongBase {
		t.Errorf("a difference to nothing: %v", err)
	}
}

func TestParts(t *testing.T) {
	is := newIssuer(t)
	set := is.set(Right{When: "always"})
	for n := range 5000 {
		is.tree.Set(Entry{Key: Key{byte(n), byte(n >> 8), 1}, Set: set})
	}
	body := is.whole()
	parts := func(version uint64) (ps []Part) {
		ms, err := Split("door-1", version, 0, body)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range ms {
			if len(m) > 64<<10 {
				t.Fatalf("a part has %d bytes", len(m))
			}
			var got Message
			if err := json.Unmarshal(m, &got); err != nil {
				t.Fatal(err)
			}
			ps = append(ps, *got.Rights)
		}
		return ps
	}
	p, other := parts(1), parts(2)
	if len(p) < 3 {
		t.Fatalf("only %d parts", len(p))
	}
	bad := p[1]
	bad.Body = append([]byte{1}, bad.Body[1:]...)
	for name, c := range map[string]struct {
		parts []Part
		want  Fault
		done  bool
	}{
		"in order":           {p, "", true},
		"one again":          {append([]Part{p[0], p[0]}, p[1:]...), "", true},
		"one missing":        {append([]Part{p[0]}, p[2:]...), MissingPart, false},
		"first missing":      {p[1:2], MissingPart, false},
		"another began":      {append([]Part{p[0]}, other...), MissingPart, true},
		"one damaged":        {append([]Part{p[0], bad}, p[2:]...), WrongSum, false},
		"number out of them": {[]Part{{Parts: 1, Part: 2, Sum: p[0].Sum}}, BadFormat, false},
		"no sum":             {[]Part{{Parts: 1, Part: 1}}, BadFormat, false},
		"a million":          {[]Part{{Parts: 1_000_000, Part: 1, Sum: p[0].Sum}}, BadFormat, false},
	} {
		k := is.keeper()
		var fault Fault
		done := false
		for _, x := range c.parts {
			ok, err := k.Receive(x, noon)
			if f := faultOf(err); fault == "" {
				fault = f
			}
			done = done || ok && err == nil
		}
		if fault != c.want || done != c.done || (k.Len() == 5000) != c.done {
			t.Errorf("%s: %q, %v, %d entries; want %q, %v", name, fault, done, k.Len(), c.want, c.done)
		}
	}
	k := is.keeper()
	if _, err := k.Receive(p[0], noon); err != nil || !k.Receiving() {
		t.Fatal(err)
	}
	if err := k.Abandon(); faultOf(err) != MissingPart || k.Receiving() || k.Abandon() != nil {
		t.Errorf("abandoned: %v", err)
	}
}

// Whatever comes, a keeper neither panics nor takes what its hub has not signed.
func FuzzApply(f *testing.F) {
	is := newIssuer(f)
	is.card("resident", Entry{})
	good := is.whole()
	f.Add(good)
	f.Add(good[:40])
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, text []byte) {
		k := is.keeper()
		err := k.Apply(text, noon)
		if err == nil && !bytes.Equal(text, good) {
			t.Fatalf("taken: %x", text)
		}
		if err != nil && (faultOf(err) == "" || k.Version() != 0) {
			t.Fatalf("%v, version %d", err, k.Version())
		}
		if b, err := ParseBody(text); err == nil && !bytes.Equal(b.Encode(), text) {
			t.Fatalf("written in another way than read: %x", text)
		}
	})
}

func FuzzPart(f *testing.F) {
	is := newIssuer(f)
	is.card("resident", Entry{})
	ms, err := Split("door-1", 1, 0, is.whole())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(ms[0], ms[0])
	f.Fuzz(func(t *testing.T, one, two []byte) {
		k := is.keeper()
		for _, m := range [][]byte{one, two} {
			var x Message
			if json.Unmarshal(m, &x) != nil || x.Rights == nil {
				continue
			}
			if _, err := k.Receive(*x.Rights, noon); err != nil && faultOf(err) == "" {
				t.Fatal(err)
			}
		}
		if len(k.parts.body) > maxBodySize+partBytes {
			t.Fatalf("%d bytes are kept", len(k.parts.body))
		}
	})
}
