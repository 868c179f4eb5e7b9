package voice

import (
	"context"
	"errors"
	"os/exec"
	"testing"
	"time"

	"dongyue/internal/sound"
)

func fresh(t *testing.T) *Voice {
	t.Helper()
	v, err := New()
	if err != nil {
		t.Fatal(err)
	}
	v.within = time.Minute // a machine that does much else is no fault
	return v
}

// Twenty messages can be said in both languages with nothing installed.
func TestReadyMessages(t *testing.T) {
	v := fresh(t)
	v.program = ""
	if len(v.messages) != 20 {
		t.Errorf("%d messages", len(v.messages))
	}
	for _, m := range v.messages {
		for _, text := range []string{m.ZH, m.EN} {
			p, err := v.Say(t.Context(), text)
			if err != nil || p.Length() < time.Second || sound.Level(p, 100) < 75 {
				t.Errorf("%s: %v of %.0f dB, %v", text, p.Length(), sound.Level(p, 100), err)
			}
		}
	}
	if _, err := v.Say(t.Context(), "请注意,楼内发生火情,请走楼梯离开,不要乘电梯"); err != nil {
		t.Errorf("other punctuation: %v", err)
	}
	if _, err := v.Say(t.Context(), "今天停水"); !errors.Is(err, ErrMute) {
		t.Errorf("got %v", err)
	}
	for _, text := range []string{"请疏散", "leave", ""} {
		if p, err := v.Preface(text); err != nil || p.Length() < time.Second {
			t.Errorf("preface of %q: %v %v", text, p.Length(), err)
		}
	}
}

func TestSynthesiser(t *testing.T) {
	if _, err := exec.LookPath("espeak-ng"); err != nil {
		t.Skip("espeak-ng is not installed")
	}
	v := fresh(t)
	for _, text := range []string{"东苑三号楼今天下午检修电梯", "The lift of building 3 is under repair", "-w /tmp/x --version"} {
		p, err := v.Say(t.Context(), text)
		if err != nil || p.Length() < time.Second || sound.Level(p, 100) < 75 {
			t.Errorf("%s: %v, %v", text, p.Length(), err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Say(ctx, "今天停水"); err == nil {
		t.Error("it spoke for somebody who had gone")
	}
}

// No sign of a text makes the synthesiser leave a part of it out.
func TestAllOfATextIsSaid(t *testing.T) {
	for text, want := range map[string]string{"[[请疏散]]到北门": "  请疏散  到北门", "停电\x00了\n": "停电 了\n", "leave\tnow": "leave now"} {
		if got := heard(text); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if _, err := exec.LookPath("espeak-ng"); err != nil {
		return
	}
	v := fresh(t)
	whole, err := v.Say(t.Context(), "请从北门疏散到操场")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"[[请从北门疏散]]到操场", "请从北门\x00疏散到操场"} {
		if p, err := v.Say(t.Context(), text); err != nil || p.Length() < whole.Length()*9/10 {
			t.Errorf("%q lasts %v, the same without them %v; %v", text, p.Length(), whole.Length(), err)
		}
	}
}
