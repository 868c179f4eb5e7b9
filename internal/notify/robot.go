package notify

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// codes of a robot's refusals that are worth another attempt: after a rest, or
// soon. Any other refusal is for good: a wrong key or signature stays wrong.
type codes struct{ slow, again []int }

// robotRest is how long a robot is left alone that says it gets too much: DingTalk
// silences one for ten minutes, so asking sooner is of little use.
const robotRest = 2 * time.Minute

// robotAnswer reads what a robot says: they answer 200 to everything.
func robotAnswer(b []byte, c codes) error {
	var a struct {
		ErrCode    *int   `json:"errcode"` // WeCom, DingTalk
		ErrMsg     string `json:"errmsg"`
		Code       *int   `json:"code"` // Feishu
		Msg        string `json:"msg"`
		StatusCode *int   `json:"StatusCode"` // Feishu, before
	}
	if err := json.Unmarshal(b, &a); err != nil {
		return fmt.Errorf("the robot's answer is no JSON: %.100q", b)
	}
	code, ok := 0, false
	for _, x := range []*int{a.ErrCode, a.Code, a.StatusCode} {
		if x != nil {
			code, ok = *x, true
			break
		}
	}
	what := fmt.Sprintf("the robot answered %d: %s%s", code, clip(a.ErrMsg), clip(a.Msg))
	switch {
	case !ok:
		return fmt.Errorf("the robot's answer says nothing: %.100q", b)
	case code == 0:
		return nil
	case slices.Contains(c.slow, code):
		return &SlowDown{For: robotRest, What: what}
	case slices.Contains(c.again, code):
		return fmt.Errorf("%s", what) //nolint:err113 // the robot's own words
	}
	return fmt.Errorf("%w: %s", ErrRefused, what)
}
