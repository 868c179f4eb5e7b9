package doorlist

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Number plates as GA 36-2018 has them. A plate is compared in one form: capital
// letters and digits of one width, simplified characters, no dot and no space. Cameras,
// people and paper write all of that in many ways.
//
//	川A12345   province, letter of the authority, five of A–Z and 0–9
//	川AD12345  new energy: six; a letter is first or last, the rest are digits
//	粤Z1234港  a word behind four: 学 警 挂 港 澳 领
//	使014578   an embassy's: 使 and six digits
//	川X1234应急 rescue services
//
// I and O stand on no plate behind the first letter; who writes them means 1 and 0.
const (
	plateProvinces = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
	plateWords     = "学警挂港澳领"
	plateSerial    = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
	plateEnergy    = "ABCDEFGHJK" // letters of new energy
	plateDots      = "·•・.。-–—_ \u00a0\u3000\t"
)

var plateSimple = strings.NewReplacer(
	"雲", "云", "遼", "辽", "魯", "鲁", "蘇", "苏", "贛", "赣", "晉", "晋", "陝", "陕", "閩", "闽", "貴", "贵", "粵", "粤", "寧", "宁", "瓊", "琼", "滬", "沪",
	"學", "学", "掛", "挂", "領", "领", "應", "应",
)

// ErrPlate is that a text is no number plate; what it wraps says where and why.
var ErrPlate = errors.New("is no number plate")

func noPlate(format string, args ...any) error {
	return fmt.Errorf("%w: "+format+"; write it as 川A12345, or 川AD12345 of new energy", append([]any{ErrPlate}, args...)...)
}

// ParsePlate brings a number plate into the form in which it is compared.
func ParsePlate(text string) (string, error) {
	if len(text) > maxPlateText {
		return "", noPlate("it has %d bytes", len(text))
	}
	rs := []rune(plateSimple.Replace(strings.Map(plateRune, text)))
	if len(rs) == 0 {
		return "", noPlate("it is empty")
	}
	for i, r := range rs {
		if !strings.ContainsRune(plateProvinces+plateWords+plateSerial+"IO使应急", r) {
			return "", noPlate("character %d, %q, is on none", i+1, r)
		}
	}
	if rs[0] == '使' {
		return embassyPlate(rs)
	}
	return landPlate(rs)
}

// maxPlateText bounds what is looked at, in bytes: eight characters with dots between.
const maxPlateText = 64

// plateRune drops what stands between characters, and makes full-width ones narrow.
func plateRune(r rune) rune {
	switch {
	case strings.ContainsRune(plateDots, r):
		return -1
	case r >= '！' && r <= '～':
		r -= '！' - '!'
	}
	return unicode.ToUpper(r)
}

func embassyPlate(rs []rune) (string, error) {
	if len(rs) != 7 || !digits(rs[1:]) {
		return "", noPlate("behind 使 stand six digits")
	}
	return string(rs), nil
}

func landPlate(rs []rune) (string, error) {
	switch {
	case !strings.ContainsRune(plateProvinces, rs[0]):
		return "", noPlate("character 1, %q, is no province", rs[0])
	case len(rs) < 2 || rs[1] < 'A' || rs[1] > 'Z' || rs[1] == 'I':
		return "", noPlate("a letter follows the province")
	}
	serial := slices.Clone(rs[2:])
	for i, r := range serial {
		switch r {
		case 'I':
			serial[i] = '1'
		case 'O':
			serial[i] = '0'
		}
	}
	if err := checkSerial(serial, rs[1]); err != nil {
		return "", err
	}
	return string(rs[:2]) + string(serial), nil
}

// checkSerial takes what stands behind province and letter.
func checkSerial(serial []rune, authority rune) error {
	if s := string(serial); strings.HasSuffix(s, "应急") {
		if (authority != 'X' && authority != 'S') || len(serial) != 6 || !digits(serial[:4]) {
			return noPlate("a rescue plate has X or S and four digits before 应急")
		}
		return nil
	}
	plain := serial
	if n := len(serial); n == 5 && strings.ContainsRune(plateWords, serial[n-1]) {
		plain = serial[:n-1]
	}
	for i, r := range plain {
		if !strings.ContainsRune(plateSerial, r) {
			return noPlate("character %d, %q, can't stand there", i+3, r)
		}
	}
	switch len(serial) {
	case 5:
		return nil
	case 6:
		return newEnergy(serial)
	}
	return noPlate("it has %d characters, not 7 or 8", len(serial)+2)
}

// newEnergy takes the six of a small car, a letter first and perhaps a second one, or of a
// large one, a letter last.
func newEnergy(serial []rune) error {
	small := strings.ContainsRune(plateEnergy, serial[0]) && digits(serial[2:])
	large := strings.ContainsRune(plateEnergy, serial[5]) && digits(serial[:5])
	if !small && !large {
		return noPlate("one of 8 characters has a letter A to K as third or last, and else digits")
	}
	return nil
}

func digits(rs []rune) bool {
	return !slices.ContainsFunc(rs, func(r rune) bool { return r < '0' || r > '9' })
}
