package rules

import (
	"fmt"
	"strconv"

	"dongyue/internal/event"
)

// RateVerdict is a figure against its limit.
type RateVerdict struct {
	Name  string     `json:"name"`
	Value float64    `json:"value"`
	Limit float64    `json:"limit"`
	OK    bool       `json:"ok"`
	Text  event.Text `json:"text"`
}

// The limits of ISA-18.2 / IEC 62682 for one operator.
const (
	steadyPer10Min  = 2   // one to two in ten minutes
	perDayFine      = 150 // about what is very likely to be acceptable
	perDayMost      = 300 // the most that is manageable
	floodShare      = 1   // % of the time
	busyHour        = 30  // more in an hour …
	busyHourShare   = 1   // … in at most this share of the hours, %
	topTenShare     = 5   // %
	mostStale       = 5   // on any day
	graveShare      = 5   // % critical and high, beside 15 medium and 80 low
	enoughForShares = 100 // with fewer, shares say nothing
)

// verdicts judges a report. Shares need enough alarms to mean something.
func verdicts(r *Report) []RateVerdict {
	busy := 0
	for _, h := range r.Hours {
		if h.Count > busyHour {
			busy++
		}
	}
	out := []RateVerdict{
		upTo("per_10min_avg", r.Per10Min.Avg, steadyPer10Min, "平均每十分钟 %s 次报警,稳态以 %s 次为限", "%s alarms in ten minutes on average; up to %s is steady"),
		upTo("per_10min_max", float64(r.Per10Min.Max), floodBegins, "十分钟内最多 %s 次,超过 %s 次即为泛滥", "at most %s in ten minutes; more than %s is a flood"),
		upTo("flood_share_pct", r.FloodSharePct, floodShare, "%s%% 的时间处于泛滥,应少于 %s%%", "in a flood %s %% of the time; should be below %s %%"),
		dayVerdict(r.PerDay),
		upTo("busy_hours_pct", share(busy, len(r.Hours)), busyHourShare, "%s%% 的小时超过三十次报警,应不多于 %s%%", "%s %% of the hours had more than 30 alarms; should be at most %s %%"),
		upTo("stale", float64(r.Stale), mostStale-1, "单日最多 %s 个报警持续超过 24 小时,应不多于 %s 个", "up to %s alarms a day had stood for more than 24 h; should be at most %s"),
		upTo("chattering", float64(r.Chattering), 0, "%s 个报警来源抖动(一分钟三次),应为 %s", "%s alarms chatter (three times in a minute); should be %s"),
	}
	if r.Raised < enoughForShares {
		return out
	}
	return append(out,
		upTo("top_ten_pct", r.TopTenPct, topTenShare, "最吵的十个来源占 %s%%,应不多于 %s%%", "the ten noisiest sources make %s %%; should be at most %s %%"),
		upTo("critical_high_pct", round(r.Mix.Critical+r.Mix.High), graveShare, "危急与高优先级占 %s%%,应约为 %s%%", "%s %% are critical or high; should be about %s %%"),
	)
}

// dayVerdict has two limits; the one that matters is named.
func dayVerdict(perDay float64) RateVerdict {
	if perDay > perDayFine && perDay <= perDayMost {
		return upTo("per_day", perDay, perDayFine, "每天 %s 次报警,超过可接受的 %s 次,尚可应付(上限 300)", "%s alarms a day, above the %s that are acceptable, though manageable (at most 300)")
	}
	if perDay > perDayMost {
		return upTo("per_day", perDay, perDayMost, "每天 %s 次报警,超过可应付的上限 %s 次", "%s alarms a day, more than the %s that one operator can manage")
	}
	return upTo("per_day", perDay, perDayFine, "每天 %s 次报警,%s 次以内可接受", "%s alarms a day; up to %s is acceptable")
}

func upTo(name string, value, limit float64, zh, en string) RateVerdict {
	v, l := plainNumber(value), plainNumber(limit)
	return RateVerdict{
		Name: name, Value: value, Limit: limit, OK: value <= limit,
		Text: event.Text{ZH: fmt.Sprintf(zh, v, l), EN: fmt.Sprintf(en, v, l)},
	}
}

func plainNumber(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
