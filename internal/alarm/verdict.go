package alarm

import (
	"fmt"

	"dongyue/internal/event"
)

// Verdict holds a figure against its limit.
type Verdict struct {
	Name  string     `json:"name"`
	Value float64    `json:"value"`
	Limit float64    `json:"limit"`
	OK    bool       `json:"ok"`
	Text  event.Text `json:"text"`
}

// The limits of ISA-18.2 / IEC 62682 (monitoring), and of EN 50518 for how soon an
// alarm has to be seen.
const (
	limitAvg      = 2  // calls for one operator in ten minutes, over the span
	limitMax      = 10 // and in any ten minutes
	limitFlood    = 1  // % of the time
	limitStale    = 5  // fewer than these
	limitTop      = 5  // % that the ten most frequent make
	limitGrave    = 20 // % of critical and high: about 5 and 15
	limitAckP90   = 90 // s
	enoughToJudge = 50 // fewer alarms have no distribution
	enoughAcks    = 10
)

// judge says of each figure whether it is within its limit.
func (k *KPI) judge() []Verdict {
	most := func(name string, value, limit float64, zh, en string) Verdict {
		return Verdict{name, value, limit, value <= limit, event.Text{ZH: zh, EN: en}}
	}
	vs := []Verdict{
		most("per_10min_avg", k.Avg10Min, limitAvg,
			fmt.Sprintf("每名值班员平均每 10 分钟 %.1f 次提示,以不超过 %d 次为宜", k.Avg10Min, limitAvg),
			fmt.Sprintf("%.1f calls for one operator in ten minutes on average; up to %d can be dealt with", k.Avg10Min, limitAvg)),
		most("per_10min_max", k.Max10Min, limitMax,
			fmt.Sprintf("最忙的 10 分钟每名值班员 %.1f 次提示,超过 %d 次即为告警洪水", k.Max10Min, limitMax),
			fmt.Sprintf("%.1f calls for one operator in the worst ten minutes; more than %d are a flood", k.Max10Min, limitMax)),
		most("flood_share_pct", k.FloodPct, limitFlood,
			fmt.Sprintf("告警洪水占时 %.1f %%,应低于 %d %%", k.FloodPct, limitFlood),
			fmt.Sprintf("%.1f %% of the time in a flood; it should be below %d %%", k.FloodPct, limitFlood)),
		most("stale", float64(k.Stale), limitStale-1,
			fmt.Sprintf("%d 条告警持续超过一天,应少于 %d 条", k.Stale, limitStale),
			fmt.Sprintf("%d alarms have stood for more than a day; there should be fewer than %d", k.Stale, limitStale)),
		most("chattering", float64(k.Chattering), 0,
			fmt.Sprintf("%d 个反复抖动的告警,应为 0", k.Chattering),
			fmt.Sprintf("%d alarms chatter; there should be none", k.Chattering)),
		most("fleeting", float64(k.Fleeting), 0,
			fmt.Sprintf("%d 个转瞬即逝的告警,应为 0", k.Fleeting),
			fmt.Sprintf("%d alarms come and go within seconds; there should be none", k.Fleeting)),
	}
	if k.Raised >= enoughToJudge {
		grave := round(k.Mix.Critical + k.Mix.High)
		vs = append(vs,
			most("top_share_pct", k.topShare, limitTop,
				fmt.Sprintf("最频繁的十个告警占 %.1f %%,以 %d %% 以内为宜", k.topShare, limitTop),
				fmt.Sprintf("the ten most frequent make %.1f %% of all; up to %d %% is usual", k.topShare, limitTop)),
			most("grave_share_pct", grave, limitGrave,
				fmt.Sprintf("紧急和高优先级占 %.1f %%,以 %d %% 以内为宜(约 5/15/80)", grave, limitGrave),
				fmt.Sprintf("%.1f %% are critical or high; up to %d %% is usual (about 5/15/80)", grave, limitGrave)))
	}
	if k.acks >= enoughAcks {
		vs = append(vs, most("ack_p90_s", k.AckP90S, limitAckP90,
			fmt.Sprintf("十分之九在 %.0f 秒内确认,以 %d 秒内为宜(EN 50518)", k.AckP90S, limitAckP90),
			fmt.Sprintf("nine of ten are acknowledged within %.0f s; it should be %d s (EN 50518)", k.AckP90S, limitAckP90)))
	}
	return vs
}
