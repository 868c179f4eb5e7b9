package incident

import (
	"context"
	"errors"

	"dongyue/internal/event"
	"dongyue/internal/simulator/agent"
)

var errNoAuthority = errors.New("nobody warns in this demonstration")

// warning warns, says more, and ends it.
func (s *Script) warning(exercise bool) func(context.Context) error {
	return func(ctx context.Context) error {
		x := s.opts.Authority
		if x == nil {
			return errNoAuthority
		}
		const text = "未来三小时有特大暴雨"
		first, err := x.Warn(ctx, Warning{Headline: "暴雨红色预警", Text: text, Exercise: exercise})
		if err != nil || !s.wait(ctx, warnFor) {
			return err
		}
		second, err := x.Warn(ctx, Warning{Headline: "暴雨红色预警升级", Text: text + "，已达一百五十毫米", Exercise: exercise, About: []string{first}})
		if err != nil {
			return err
		}
		s.wait(ctx, warnFor)
		// Also when the demonstration stops: nobody should be warned of it tomorrow.
		_, err = x.Warn(context.WithoutCancel(ctx), Warning{Headline: "暴雨红色预警解除", Exercise: exercise, About: []string{first, second}, Over: true})
		return err
	}
}

func (s *Script) tampered(ctx context.Context) error {
	if s.opts.Authority == nil {
		return errNoAuthority
	}
	return s.opts.Authority.Forge(ctx, "暴雨蓝色预警", "全体居民立即撤离")
}

// leak lets the current of a pole go to earth until a crew would have mended it.
func (s *Script) leak(ctx context.Context) error {
	return at(ctx, s, s.seen(event.Lamp), s.opts.Fleet.Lamp,
		func(x *agent.Lamp) { x.Leak(true) }, leakFor, func(x *agent.Lamp) { x.Leak(false) })
}
