package rules

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"dongyue/internal/event"
)

// template is text with placeholders: {device}, {part}, {zone}, {parent}
// (the zone around it), {rule}, {data.METRIC}, of a group {count} and {members},
// and {name}, which stays as it is: the engine knows no names, whoever shows the
// text fills it. A part in [ ] is left out when a placeholder in it has no value.
type template []segment

type segment struct {
	literal string
	field   string // name of the placeholder; "" for a literal
	group   template
}

type bilingual struct{ zh, en template }

// Name is the placeholder that the engine leaves for the caller.
const Name = "{name}"

func parseTemplate(s string) (template, error) {
	t, rest, err := parseSegments(s, false)
	if err == nil && rest != "" {
		err = fmt.Errorf("%q closes nothing", "]")
	}
	return t, err
}

func parseSegments(s string, inGroup bool) (t template, rest string, err error) {
	for s != "" {
		i := strings.IndexAny(s, "{[]}")
		if i < 0 {
			break
		}
		if i > 0 {
			t = append(t, segment{literal: s[:i]})
		}
		switch s[i] {
		case '{':
			field, after, closed := strings.Cut(s[i+1:], "}")
			if !closed {
				return nil, "", fmt.Errorf("%q has no end", s[i:])
			}
			if err := checkField(field); err != nil {
				return nil, "", err
			}
			t, s = append(t, segment{field: field}), after
		case '[':
			if inGroup {
				return nil, "", fmt.Errorf("[ ] inside [ ]")
			}
			group, after, err := parseSegments(s[i+1:], true)
			if err != nil {
				return nil, "", err
			}
			if !strings.HasPrefix(after, "]") {
				return nil, "", fmt.Errorf("%q has no end", s[i:])
			}
			t, s = append(t, segment{group: group}), after[1:]
		case ']':
			return t, s[i:], nil
		case '}':
			return nil, "", fmt.Errorf("%q closes nothing", "}")
		}
	}
	if s != "" {
		t = append(t, segment{literal: s})
	}
	return t, "", nil
}

func checkField(f string) error {
	known := []string{"name", "device", "part", "zone", "parent", "rule", "count", "members", "data.METRIC"}
	if slices.Contains(known[:len(known)-1], f) {
		return nil
	}
	if m, ok := strings.CutPrefix(f, "data."); ok && m != "" && !strings.ContainsAny(m, " .[]{}") {
		return nil
	}
	return fmt.Errorf("unknown placeholder {%s}; %s", f, suggest(f, known))
}

// facts are what placeholders stand for.
type facts struct {
	rule, device, part, zone string
	members                  []string // of a group
	data                     map[string]any
	received                 time.Time // when the hub had the event
}

// mostMembers are named; of more, the text says only that there are.
const mostMembers = 5

func (f *facts) value(field string) string {
	switch field {
	case "name":
		return Name
	case "device":
		return f.device
	case "part":
		return f.part
	case "zone":
		return f.zone
	case "parent":
		return cmp.Or(parent(f.zone), f.zone)
	case "rule":
		return f.rule
	case "count":
		if f.members == nil {
			return ""
		}
		return strconv.Itoa(len(f.members))
	case "members":
		if len(f.members) > mostMembers {
			return strings.Join(f.members[:mostMembers], " ") + " …"
		}
		return strings.Join(f.members, " ")
	}
	return show(f.data[strings.TrimPrefix(field, "data.")])
}

func (t template) fill(f *facts) string {
	s, _ := t.write(f)
	return s
}

func (t template) write(f *facts) (s string, complete bool) {
	var b strings.Builder
	complete = true
	for _, g := range t {
		switch {
		case g.field != "":
			v := f.value(g.field)
			complete = complete && v != ""
			b.WriteString(v)
		case g.group != nil:
			if v, whole := g.group.write(f); whole {
				b.WriteString(v)
			}
		default:
			b.WriteString(g.literal)
		}
	}
	return b.String(), complete
}

func (b bilingual) fill(f *facts) event.Text {
	return event.Text{ZH: b.zh.fill(f), EN: b.en.fill(f)}
}

// show writes a device's value for a person: numbers with at most two decimals,
// text short and harmless.
func show(v any) string {
	switch v := v.(type) {
	case string:
		clean := strings.Map(func(r rune) rune {
			if unicode.IsControl(r) || r == '{' || r == '}' {
				return -1
			}
			return r
		}, v)
		if r := []rune(clean); len(r) > 64 {
			clean = string(r[:64]) + "…"
		}
		return clean
	case float64:
		return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// fillAll fills the placeholders of every text in an action's arguments; a text
// that comes out empty is left out, so that {part: "{part}"} of a device
// without parts means the device.
func fillAll(v any, f *facts) any {
	switch v := v.(type) {
	case string:
		t, err := parseTemplate(v)
		if err != nil { // Load has refused it
			return v
		}
		return t.fill(f)
	case []any:
		out := make([]any, 0, len(v))
		for _, x := range v {
			out = append(out, fillAll(x, f))
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			if filled := fillAll(x, f); filled != "" {
				out[k] = filled
			}
		}
		return out
	}
	return v
}
