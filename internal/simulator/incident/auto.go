package incident

import (
	"context"
	"time"
)

// The rhythm of the demonstration: a newcomer sees an alarm within half a minute,
// a second one that the hub acts upon soon after, then one every two minutes.
const (
	firstAfter  = 20 * time.Second
	secondAfter = 20 * time.Second
	every       = 2 * time.Minute
)

// opening and round are the order of play; the round is repeated. A whole feeder
// is left to those who ask for it: twelve alarms at once bury the others.
func opening() []string { return []string{"door_forced", "charger_runaway"} }

func round() []string {
	return []string{
		"lamp_sos", "stranger", "door_held", "camera_outage", "speaker_fault", "smoke", "device_offline", "lamp_failure",
		"charger_runaway", "door_forced",
	}
}

// Auto plays an incident now and then until ctx ends. It needs Run.
func (s *Script) Auto(ctx context.Context) error {
	wait := firstAfter
	for _, id := range opening() {
		if !s.next(ctx, wait, id) {
			return nil
		}
		wait = secondAfter
	}
	for {
		for _, id := range round() {
			if !s.next(ctx, every, id) {
				return nil
			}
		}
	}
}

func (s *Script) next(ctx context.Context, after time.Duration, id string) bool {
	if !s.wait(ctx, after) {
		return false
	}
	if err := s.Trigger(ctx, id); err != nil && ctx.Err() == nil {
		s.log.Warn("scripted incident", "incident", id, "err", err)
	}
	return ctx.Err() == nil
}
