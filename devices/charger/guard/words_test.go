package guard

import (
	"testing"

	"dongyue/devices/charger/curve"
)

// TestEveryFindingThatIsToldHasWords: those with a rule of their own are told by it.
func TestEveryFindingThatIsToldHasWords(t *testing.T) {
	all := curve.Code(1<<14 - 1)
	n := 0
	all.Each(func(name string, one curve.Code) {
		n++
		words, ok := inWords(name)
		if own := grade(one) == Watch || one == curve.Gas; !own && (!ok || words.ZH == "" || words.EN == "") {
			t.Errorf("%s has no words", name)
		}
	})
	if n != 14 {
		t.Errorf("%d findings", n)
	}
	if _, ok := inWords("flood"); ok {
		t.Error("flood is no finding")
	}
}
