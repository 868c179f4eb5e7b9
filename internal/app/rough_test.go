package app

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"dongyue/internal/web"
)

// described is what the test reads of the API's own description.
type described struct {
	Paths map[string]map[string]struct {
		Parameters []struct {
			Name, In string
		}
		RequestBody *struct {
			Content map[string]struct{ Schema schema }
		}
	}
	Components struct{ Schemas map[string]schema }
}

type schema struct {
	Ref        string `json:"$ref"`
	Type       any
	Enum       []any
	Items      *schema
	Properties map[string]schema
}

// rough makes inputs that no well-meaning client sends.
type rough struct {
	*rand.Rand
	doc described
}

func words() []string {
	return []string{
		"", " ", "x", "-1", "0", "1e309", "NaN", "null", "9223372036854775808", "\x00", "a\x00b", "\xff\xfe", "\u202e\u200b", "😀", strings.Repeat("東岳", 300),
		strings.Repeat("A", 5_000), strings.Repeat("e\u0301", 200), "' OR 1=1 --", `"; DROP TABLE devices; --`, "=cmd|'/C calc'!A0", "@SUM(1)", "%", "%_", `\`, "*",
		"../../etc/passwd", "..%2f", "/", "//", "#", "?", "<script>alert(1)</script>", "\r\nSet-Cookie: a=b", "99999999-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
		"0000-00-00T00:00:00Z", "MQ", "LTE=", "fHw", "east", "admin", "always", "lamp-1", "door-1", "person", "[]", "{}",
	}
}

func (r *rough) word() string { ws := words(); return ws[r.IntN(len(ws))] }

func (r *rough) junk(depth int) any {
	switch n := r.IntN(10); {
	case n < 4 || depth > 3:
		return r.word()
	case n < 6:
		return []any{0, -1, 1.5, 1e308, -1e308, 1 << 53, json.Number("9223372036854775808"), json.Number("1e400")}[r.IntN(8)]
	case n < 7:
		return []any{nil, true, false}[r.IntN(3)]
	case n < 8:
		return map[string]any{r.word(): r.junk(depth + 1), "type": r.junk(depth + 1)}
	}
	list := make([]any, r.IntN(20))
	for i := range list {
		list[i] = r.junk(depth + 1)
	}
	return list
}

// value follows the schema, but not always.
func (r *rough) value(s schema, wrong, depth int) any {
	for s.Ref != "" {
		s = r.doc.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
	}
	if r.IntN(100) < wrong || depth > 6 {
		return r.junk(depth)
	}
	if len(s.Enum) > 0 {
		return s.Enum[r.IntN(len(s.Enum))]
	}
	switch t := fmt.Sprint(s.Type); {
	case strings.Contains(t, "string"):
		return r.word()
	case strings.Contains(t, "integer"), strings.Contains(t, "number"):
		return []any{0, 1, -1, 2.5, 1 << 31, 1 << 60}[r.IntN(6)]
	case strings.Contains(t, "boolean"):
		return r.IntN(2) == 0
	case strings.Contains(t, "array") && s.Items != nil:
		return []any{r.value(*s.Items, wrong, depth+1), r.value(*s.Items, wrong, depth+1)}[:r.IntN(3)]
	}
	o := map[string]any{}
	for k, p := range s.Properties {
		if r.IntN(10) < 8 {
			o[k] = r.value(p, wrong, depth+1)
		}
	}
	return o
}

func (r *rough) body(s schema) string {
	b, err := json.Marshal(r.value(s, []int{0, 10, 30}[r.IntN(3)], 0))
	if err != nil {
		return "{"
	}
	switch r.IntN(12) {
	case 0:
		return string(b[:r.IntN(len(b)+1)])
	case 1:
		return strings.Repeat(`{"a":`, 12_000) + strings.Repeat("}", 12_000)
	case 2:
		return `{"a":"` + strings.Repeat("A", 3<<20) + `"}`
	case 3: // a name that stands twice, the first time with another type
		for k := range s.Properties {
			return fmt.Sprintf(`{%q:[1],%s`, k, b[min(1, len(b)-1):])
		}
	case 4:
		return "\x00\xff" + r.word()
	case 5:
		return ""
	}
	return string(b)
}

// inner is what only a mistake of the hub's own would say.
var inner = regexp.MustCompile(`(?i)sql|constraint|goroutine|\.go:|panic|unmarshal|strconv|reflect|Go struct|Go value|no such table|/tmp/`)

// Whatever comes in: an answer below 500, and every refusal a problem with a code
// that says nothing of the inside.
func TestRoughInputs(t *testing.T) {
	h := openHouse(t, t.TempDir(), withVideo)
	vs := h.visitors()
	h.call(http.MethodPost, "/devices", map[string]string{"id": "lamp-1", "kind": "lamp", "name": "灯", "zone": "east"}, nil)
	h.call(http.MethodPost, "/devices", map[string]string{"id": "door-1", "kind": "door", "name": "门", "zone": "east"}, nil)
	r := &rough{Rand: rand.New(rand.NewPCG(1, 2))} //nolint:gosec // a test that can be repeated
	h.call(http.MethodGet, "/openapi.json", nil, &r.doc)
	each := 15
	if testing.Short() {
		each = 5
	}
	types := []string{"application/json", "application/json", "application/json", "application/json", "", "text/plain", "text/csv", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/merge-patch+json"}
	seen := map[int]int{}
	for path, ops := range r.doc.Paths {
		for method, op := range ops {
			for range each {
				target := r.fill(path)
				var query []string
				for _, p := range op.Parameters {
					if p.In == "query" && r.IntN(2) == 0 {
						query = append(query, p.Name+"="+escape(r.word()))
					}
				}
				body, ct := "", ""
				if op.RequestBody != nil {
					for ct = range op.RequestBody.Content {
						body = r.body(op.RequestBody.Content[ct].Schema)
					}
					if r.IntN(5) == 0 {
						ct = types[r.IntN(len(types))]
					}
				}
				v := vs[1] // the administrator gets furthest in
				if r.IntN(3) == 0 {
					v = vs[r.IntN(len(vs))]
				}
				w := v.ask(h, strings.ToUpper(method), target+"?"+strings.Join(query, "&"), ct, body)
				seen[w.Code]++
				if wrong := fault(w.Code, w.Header(), w.Body.Bytes()); wrong != "" {
					t.Errorf("%s %s as %s: %s\n%q %s %.200q\n%d %.300s", method, path, v.name, wrong, target, query, body, w.Code, w.Body)
				}
			}
		}
	}
	t.Log(seen)
}

func (r *rough) fill(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, "{") {
			if parts[i] = r.word(); r.IntN(2) == 0 {
				parts[i] = []string{"lamp-1", "door-1", "nobody"}[r.IntN(3)]
			}
		}
	}
	return strings.Join(parts, "/")
}

func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

func fault(status int, head http.Header, body []byte) string {
	if status < 400 {
		return ""
	}
	var p web.Problem
	switch err := json.Unmarshal(body, &p); {
	case status >= 500 && status != http.StatusServiceUnavailable:
		return "the hub's own mistake"
	case head.Get("Content-Type") != "application/problem+json" || err != nil:
		return "not a problem"
	case p.Code == "" || p.Status != status || p.Detail == "":
		return "a problem without code, status or detail"
	case len(body) > 16<<10:
		return "a refusal as long as the request"
	}
	for _, e := range p.Errors {
		if e.Value != nil {
			return "the request comes back"
		}
		p.Detail += " " + e.Message
	}
	if m := inner.FindString(p.Detail); m != "" && !strings.Contains(p.Detail, "DROP") {
		return "tells of the inside: " + m
	}
	return ""
}
