package doorlist

import (
	"time"

	"dongyue/internal/event"
)

// The reasons of a door that decides alone; the words are those of the hub.
const (
	Granted     = "offline_list" // not a refusal
	GrantedFree = "free"         // everybody passes on this rung
	NoList      = "no_list"
	listExpired = "list_expired"
	unknown     = "unknown_credential"
	notOffline  = "not_offline" // a kind of credential that needs the hub
	expired     = "expired"
	notYetValid = "not_yet_valid"
	outside     = "outside_schedule"
	usedUp      = "used_up"
	qrExpired   = "qr_expired"
	replayed    = "credential_replay"
	wrongDoor   = "wrong_door"
	lockedDown  = "lockdown"
	firstPerson = "first_person_missing"
	clockWrong  = "clock_untrusted"
	inactive    = "inactive" // over, as after the visitor has gone out
)

// Decide says whether something shown at the door opens it, with nobody to ask. In
// doubt it does not; from inside nobody needs it. A PIN never does: a list with PINs
// would be a list of a million tries.
func (k *Keeper) Decide(typ, value string, rung event.Rung, now time.Time) (open bool, reason string) {
	switch {
	case rung.Free():
		return true, GrantedFree
	case k.tree == nil:
		return false, NoList
	case now.Before(k.head.IssuedAt.Add(-clockSlack)):
		return false, clockWrong
	case !now.Before(k.head.ExpiresAt):
		return false, listExpired
	}
	e, code, reason := k.find(typ, value, now)
	if reason != "" {
		return false, reason
	}
	if reason = k.judge(e, rung, now); reason != "" {
		return false, reason
	}
	if code != nil {
		k.took(*code, now)
	}
	if e.Uses > 0 {
		if k.used == nil {
			k.used = map[Key]uint8{}
		}
		k.used[e.Key]++
	}
	return true, Granted
}

// Leave notes that somebody has gone out and showed something for it. Who goes out is
// asked nothing, but a visitor whose pass ends with that does not come in again.
func (k *Keeper) Leave(typ, value string, now time.Time) {
	if k.tree == nil {
		return
	}
	e, code, reason := k.find(typ, value, now)
	if reason != "" || !k.head.Classes[e.Class].Leave {
		return
	}
	if code != nil {
		k.took(*code, now)
	}
	if k.left == nil {
		k.left = map[Key]bool{}
	}
	k.left[e.Key] = true
}

// find looks up what was shown.
func (k *Keeper) find(typ, value string, now time.Time) (e Entry, shown *Code, reason string) {
	var key Key
	switch {
	case typ == "pin":
		return e, nil, notOffline
	case typ == "qr" && IsCode(value):
		c, err := ParseCode(value)
		if err != nil || !c.Signed(k.head.CodeKey) {
			return e, nil, unknown
		}
		switch {
		case !c.Fresh(now):
			return e, nil, qrExpired
		case !c.For(k.Door):
			return e, nil, wrongDoor
		case k.codes[c] > now.Unix():
			return e, nil, replayed
		}
		key, shown = KeyOfCode(Salt(k.head.Salt), c.Ref), &c
	default:
		v, err := k.head.Stretch.Of(typ, value)
		if err != nil {
			return e, nil, unknown
		}
		key = KeyOf(Salt(k.head.Salt), v)
	}
	e, ok := k.tree.Get(key)
	if !ok {
		return e, nil, unknown
	}
	return e, shown, ""
}

// judge says why an entry does not open now.
func (k *Keeper) judge(e Entry, rung event.Rung, now time.Time) string {
	sec := now.Unix()
	switch {
	case !now.Before(k.head.IssuedAt.Add(time.Duration(k.head.Classes[e.Class].ForS) * time.Second)):
		return listExpired
	case e.From > 0 && sec < int64(e.From):
		return notYetValid
	case e.To > 0 && sec >= int64(e.To):
		return expired
	case e.Uses > 0 && k.used[e.Key] >= e.Uses:
		return usedUp
	case k.left[e.Key]:
		return inactive
	}
	local := now.In(time.FixedZone("", k.head.OffsetS))
	best, first, rescue := k.rightsNow(e, local)
	switch {
	case best != "":
		return best
	case rung == event.Lockdown && !rescue:
		return lockedDown
	case rung == event.Lockdown: // rescuers are not kept waiting
		return ""
	}
	return k.rules(first, local)
}

// rightsNow goes through the rights of an entry; reason is empty when one holds.
func (k *Keeper) rightsNow(e Entry, local time.Time) (reason string, first, lockdown bool) {
	const format = time.DateOnly
	days := Days{k.head.Days[local.Format(format)], k.head.Days[local.AddDate(0, 0, -1).Format(format)]}
	reason = wrongDoor
	sec := local.Unix()
	for _, r := range k.rights[e.Set] {
		switch {
		case r.To > 0 && sec >= int64(r.To):
			reason = worse(reason, expired)
		case r.From > 0 && sec < int64(r.From):
			reason = worse(reason, notYetValid)
		case !r.when.Allows(local, days):
			reason = worse(reason, outside)
		default:
			reason = ""
			first, lockdown = first || r.First, lockdown || r.Lockdown
		}
	}
	return reason, first, lockdown
}

// worse keeps the reason that is nearer to a grant; a grant stays one.
func worse(was, is string) string {
	grade := map[string]int{wrongDoor: 0, expired: 1, notYetValid: 2, outside: 3, "": 4}
	if grade[was] > grade[is] {
		return was
	}
	return is
}

// rules are those that a door can keep alone.
func (k *Keeper) rules(first bool, local time.Time) string {
	day := dayNumber(local)
	if k.head.FirstIn && !first && k.firstDay != day {
		return firstPerson
	}
	if first {
		k.firstDay = day
	}
	return ""
}

// took remembers a code for as long as it could be shown again.
func (k *Keeper) took(c Code, now time.Time) {
	if k.codes == nil {
		k.codes = map[Code]int64{}
	}
	for old, until := range k.codes {
		if until <= now.Unix() {
			delete(k.codes, old)
		}
	}
	k.codes[c] = now.Add((2*CodeSlack + 1) * CodeStep).Unix()
}

// dayNumber counts the days of the wall clock.
func dayNumber(t time.Time) int32 {
	_, offset := t.Zone()
	return int32((t.Unix() + int64(offset)) / (24 * 60 * 60)) //nolint:gosec // in range until the year 5 million
}
