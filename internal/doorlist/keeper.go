package doorlist

import (
	"crypto/ed25519"
	"encoding/hex"
	"time"

	"dongyue/internal/event"
)

// How far the two clocks may differ when a list comes. GB 50396-2007 allows a device
// 10 s a day with a daily correction; ten minutes leave room for a bad month.
const clockSlack = 10 * time.Minute

// Keeper is a door's side: it holds the list in force and decides by it. Its zero
// value but Door and Key has no list and opens for nobody.
type Keeper struct {
	Door string
	Key  ed25519.PublicKey // of the hub, given when the controller was installed

	parts   Assembler
	head    Head
	tree    *Tree
	rights  map[SetID][]right
	rung    event.Rung
	version uint64 // survives the list: nothing older is ever taken

	firstDay int32          // the day whose first person was here
	used     map[Key]uint8  // since the entry came
	codes    map[Code]int64 // shown, until when they could be shown again, Unix s
	left     map[Key]bool   // gone out, of a class for which that is the end
}

// right is one of a set with its schedule read.
type right struct {
	Right
	when *Schedule
}

// Version is that of the list in force, Hash its root in hex; 0 and empty without one.
func (k *Keeper) Version() uint64 { return k.version }

// Hash names the entries in force.
func (k *Keeper) Hash() string { return k.head.Root }

// ExpiresAt is when nothing in the list is good any more.
func (k *Keeper) ExpiresAt() time.Time { return k.head.ExpiresAt }

// Len is how many credentials the list has.
func (k *Keeper) Len() int {
	if k.tree == nil {
		return 0
	}
	return k.tree.Len()
}

// Rung is where the door stands when it does not know otherwise, after a restart.
func (k *Keeper) Rung() event.Rung { return k.rung }

// Receiving reports whether a list has begun and is not complete.
func (k *Keeper) Receiving() bool { return k.parts.Open() }

// Abandon gives up a list that is not complete.
func (k *Keeper) Abandon() error { return k.parts.Abandon() }

// Receive takes a part. done is true when a list was complete and taken; the error is
// a RefusedError, and the list in force is the one before.
func (k *Keeper) Receive(p Part, now time.Time) (done bool, err error) {
	body, err := k.parts.Add(p)
	if err != nil || body == nil {
		return false, err
	}
	return true, k.Apply(body, now)
}

// Apply verifies a list and puts it in force, all of it or nothing.
func (k *Keeper) Apply(text []byte, now time.Time) error {
	b, err := ParseBody(text)
	if err != nil {
		return err
	}
	h, err := verify(k.Key, b.Head, b.Sig)
	if err != nil {
		return err
	}
	switch {
	case h.Door != k.Door:
		return refuse(WrongDoor, h.Version, "it is the list of %s", h.Door)
	case h.Version == k.version && h.Root == k.head.Root && h.IssuedAt.Equal(k.head.IssuedAt):
		return nil // said again
	case h.Version <= k.version:
		return refuse(OldVersion, h.Version, "version %d is in force", k.version)
	case h.IssuedAt.After(now.Add(clockSlack)):
		return refuse(NotYet, h.Version, "issued at %s", h.IssuedAt.Format(time.RFC3339))
	case !now.Before(h.ExpiresAt):
		return refuse(ListExpired, h.Version, "expired at %s", h.ExpiresAt.Format(time.RFC3339))
	case b.Base != 0 && (b.Base != k.version || k.tree == nil):
		return refuse(WrongBase, h.Version, "the difference to version %d, here is %d", b.Base, k.version)
	}
	tree := k.merged(&b)
	if root := tree.Root(); tree.Len() != h.Entries || hex.EncodeToString(root[:]) != h.Root {
		return refuse(WrongHash, h.Version, "%d entries, signed were %d", tree.Len(), h.Entries)
	}
	rights, err := h.read(tree)
	if err != nil {
		return err
	}
	k.swap(h, tree, rights)
	return nil
}

func (k *Keeper) merged(b *Body) *Tree {
	if b.Base == 0 {
		return Build(b.Set)
	}
	t := k.tree.Clone()
	for _, key := range b.Drop {
		t.Delete(key)
	}
	for _, e := range b.Set {
		t.Set(e)
	}
	return t
}

// read reads the sets, and looks whether every entry finds its own.
func (h *Head) read(t *Tree) (map[SetID][]right, error) {
	sets := make(map[SetID][]right, len(h.Sets))
	for name, rs := range h.Sets {
		b, err := hex.DecodeString(name)
		if err != nil || len(b) != len(SetID{}) || len(rs) > MaxRights {
			return nil, refuse(BadFormat, h.Version, "set %.20q", name)
		}
		all := make([]right, len(rs))
		for i, r := range rs {
			s, err := ParseSchedule(r.When)
			if err != nil {
				return nil, refuse(BadFormat, h.Version, "set %s: %v", name, err)
			}
			all[i] = right{r, s}
		}
		sets[SetID(b)] = all
	}
	for e := range t.All() {
		if _, ok := sets[e.Set]; !ok || int(e.Class) >= len(h.Classes) {
			return nil, refuse(BadFormat, h.Version, "an entry names set %s and class %d", e.Set, e.Class)
		}
	}
	return sets, nil
}

func (k *Keeper) swap(h Head, t *Tree, rights map[SetID][]right) {
	for key := range k.used { // counted by the hub meanwhile, or given anew
		was, _ := k.tree.Get(key)
		if is, ok := t.Get(key); !ok || is != was {
			delete(k.used, key)
		}
	}
	for key := range k.left { // the hub has ended it meanwhile
		if _, ok := t.Get(key); !ok {
			delete(k.left, key)
		}
	}
	k.head, k.tree, k.rights, k.version = h, t, rights, h.Version
	k.rung, _ = event.ParseRung(h.Rung) // checked before
}
