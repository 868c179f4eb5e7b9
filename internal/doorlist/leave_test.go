package doorlist

import (
	"crypto/ed25519"
	"testing"
	"time"

	"dongyue/internal/event"
)

// A pass that ends when its holder goes out ends at a door that is alone, too; others
// go on.
func TestWhoLeavesDoesNotComeInAgain(t *testing.T) {
	is := newIssuer(t)
	once, often := Ref{1}, Ref{2}
	all := is.set(Right{When: "always"})
	is.tree.Set(Entry{Key: KeyOfCode(Salt(is.head.Salt), once), Set: all, Class: 2})
	is.tree.Set(Entry{Key: KeyOfCode(Salt(is.head.Salt), often), Set: all})
	k := is.keeper()
	k.Leave("qr", "anything", noon) // a door without a list remembers nothing
	if err := k.Apply(is.whole(), noon); err != nil {
		t.Fatal(err)
	}
	step := noon
	code := func(ref Ref) string {
		step = step.Add(CodeStep)
		c := Code{Ref: ref, Step: StepOf(step)}
		c.Sig = [64]byte(ed25519.Sign(is.code, c.Body()))
		return c.String()
	}
	shown := func(ref Ref) string {
		_, reason := k.Decide("qr", code(ref), event.Controlled, step)
		return reason
	}
	for _, c := range []struct {
		what string
		ref  Ref
		want string
	}{{"a visitor", once, Granted}, {"the visitor again, without having left", once, Granted}, {"a resident", often, Granted}} {
		if got := shown(c.ref); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
	out := code(once)
	left := step
	k.Leave("qr", out, left)
	k.Leave("qr", code(often), step)
	k.Leave("card", "stranger", step)
	if got := shown(once); got != inactive {
		t.Errorf("after leaving: %q", got)
	}
	if _, reason := k.Decide("qr", out, event.Controlled, left); reason != replayed {
		t.Errorf("the code shown on the way out opens: %q", reason)
	}
	if got := shown(often); got != Granted {
		t.Errorf("a resident who went out: %q", got)
	}
	// A list that still has the pass changes nothing; one without it lets go of it.
	is.head.Version, is.head.IssuedAt = 2, noon.Add(time.Minute)
	is.head.ExpiresAt = is.head.IssuedAt.Add(30 * 24 * time.Hour)
	if err := k.Apply(is.whole(), noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got := shown(once); got != inactive {
		t.Errorf("by the next list: %q", got)
	}
	is.tree.Delete(KeyOfCode(Salt(is.head.Salt), once))
	is.head.Version = 3
	if err := k.Apply(is.whole(), noon.Add(time.Minute)); err != nil || len(k.left) != 0 {
		t.Errorf("%v, %d remembered", err, len(k.left))
	}
}
