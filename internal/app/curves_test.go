package app

import (
	"strings"
	"testing"
)

// TestCurves draws with a seed of its own. What the sheds' meters and gas sensor
// find together is the product's figure; the meters alone find less, and the table
// in docs/operations.md says so.
func TestCurves(t *testing.T) {
	r, err := Curves{Runaways: 120, Normal: 250, Seed: 20261128, Workers: 2}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + out.String())
	if share := float64(r.Burning.Smelt) / float64(r.Burning.Sessions); share < 0.93 { // 0.975 of 2,000
		t.Errorf("%.3f of the runaways were found in time", share)
	}
	if share := float64(r.Burning.Told) / float64(r.Burning.Sessions); share < 0.85 { // 0.92 of 2,000
		t.Errorf("%.3f of the runaways were found by the meter alone", share)
	}
	if r.Burning.Blind == 0 || r.Burning.Blind+r.Burning.Told > r.Burning.Sessions {
		t.Errorf("%d of %d runaways give no sign, and %d were told of", r.Burning.Blind, r.Burning.Sessions, r.Burning.Told)
	}
	if r.Healthy.Cut > 1 {
		t.Errorf("%d of %d healthy sessions were cut", r.Healthy.Cut, r.Healthy.Sessions)
	}
	again, err := Curves{Runaways: 5, Normal: 5, Seed: 3}.Run(t.Context())
	same, err2 := Curves{Runaways: 5, Normal: 5, Seed: 3}.Run(t.Context())
	if err != nil || err2 != nil || again.Samples != same.Samples || again.Burning.Told != same.Burning.Told {
		t.Error("the same seed draws something else")
	}
}
