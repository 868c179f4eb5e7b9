package guard

import "dongyue/internal/event"

// inWords is a finding as people are told of it.
func inWords(code string) (event.Text, bool) {
	t := func(zh, en string) (event.Text, bool) { return event.Text{ZH: zh, EN: en}, true }
	switch code {
	case "oscillation":
		return t("功率摆动", "power swings")
	case "swinging":
		return t("功率持续摆动", "power goes on swinging")
	case "no_decline":
		return t("该充满而功率不降", "no decline when it should be full")
	case "overcharge":
		return t("过充", "overcharge")
	case "rises_again":
		return t("下降后功率又升", "power rises again")
	case "soft_short":
		return t("疑似电芯短路", "a cell may be shorted")
	case "warming":
		return t("插头无故升温", "the plug warms without reason")
	case "heating":
		return t("插头快速升温", "the plug heats fast")
	case "overload":
		return t("过载", "overload")
	case "float":
		return t("充满后仍插着", "full and still plugged in")
	case "too_long":
		return t("充电过久", "charges too long")
	case "suspect_charging":
		return t("可疑电池", "a suspect battery")
	}
	return event.Text{}, false
}
