package event

import "testing"

func TestRungs(t *testing.T) {
	want := []string{"controlled", "schedule_free", "manual_override", "maintenance", "lockdown", "fire_release"}
	if len(Rungs()) != len(want) {
		t.Fatalf("%d rungs, want %d", len(Rungs()), len(want))
	}
	for i, r := range Rungs() {
		if r.String() != want[i] {
			t.Errorf("rung %d is %q, want %q", i, r, want[i])
		}
		if back, ok := ParseRung(r.String()); !ok || back != r {
			t.Errorf("%q read back as %v, %v", r, back, ok)
		}
	}
	if _, ok := ParseRung("open"); ok {
		t.Error("open is no rung")
	}
	if r, ok := ParseRung("free"); !ok || r != ManualOverride || !r.Free() {
		t.Error("the old word free is an override by hand")
	}
	if Lockdown.Free() || Controlled.Free() || !FireRelease.Free() {
		t.Error("locked down and controlled doors are not free, released ones are")
	}
}

func TestAdmits(t *testing.T) {
	for _, r := range Rungs() {
		stranger := r == ScheduleFree || r == ManualOverride || r == Maintenance || r == FireRelease
		if r.Admits(false) != stranger {
			t.Errorf("%s lets a stranger in: %v", r, !stranger)
		}
		if r.Admits(true) != (r != Lockdown) {
			t.Errorf("%s and a right: %v", r, r.Admits(true))
		}
	}
}
