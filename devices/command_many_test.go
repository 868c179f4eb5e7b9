package devices_test

import (
	"errors"
	"testing"

	"dongyue/devices"
)

// Many are commanded with one write; one that can't be does not hinder the others, and
// the same again is nothing new.
func TestManyCommandsAtOnce(t *testing.T) {
	h := fresh(t)
	h.wire.set("door-1", true)
	ask := func() []devices.Commanded {
		return h.Commands(t.Context(), []devices.CommandRequest{
			{Device: "door-1", Type: "lock", Key: "a", Actor: "x"},
			{Device: "nobody", Type: "lock"},
			{Device: "door-1", Type: "dance"},
			{Device: "door-1", Type: "unlock", Args: map[string]any{"for_s": 5}, Key: "b", Actor: "x"},
		})
	}
	got := ask()
	var refused *devices.Refusal
	if got[0].Err != nil || got[3].Err != nil || !errors.Is(got[1].Err, devices.ErrNoDevice) || !errors.As(got[2].Err, &refused) {
		t.Fatalf("%+v", got)
	}
	all := h.wire.all()
	if len(all) != 2 || all[0].Body.ID != got[0].Command.ID || all[1].Body.ID != got[3].Command.ID {
		t.Fatalf("%d messages", len(all))
	}
	again := ask()
	if again[0].Command.ID != got[0].Command.ID || again[3].Command.ID != got[3].Command.ID || len(h.wire.all()) != 2 {
		t.Errorf("told again: %+v", again)
	}
}
