package devices

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ text, code string }{
		{`{}`, ""},
		{" {\"a\" : [1, -2.5e3, true,false,null , \"x\\u00e9\\n\"] }\n", ""},
		{`{"a":{"a":{"a":1}}}`, ""},
		{`{"😀":"\ud83d\ude00"}`, ""},
		{`{"a":1e308}`, ""},
		{`{"a":-0}`, ""},
		{``, CodeSyntax},
		{`[]`, CodeSyntax},
		{`"a"`, CodeSyntax},
		{`{"a":1}x`, CodeSyntax},
		{`{"a":1,}`, CodeSyntax},
		{`{"a" 1}`, CodeSyntax},
		{`{a:1}`, CodeSyntax},
		{`{"a":}`, CodeSyntax},
		{`{"a":01}`, CodeSyntax},
		{`{"a":1.}`, CodeSyntax},
		{`{"a":.5}`, CodeSyntax},
		{`{"a":+1}`, CodeSyntax},
		{`{"a":1e}`, CodeSyntax},
		{`{"a":-}`, CodeSyntax},
		{`{"a":tru}`, CodeSyntax},
		{`{"a":'x'}`, CodeSyntax},
		{"{\"a\":\"\x01\"}", CodeSyntax},
		{"{\"a\":\"\xff\"}", CodeSyntax},
		{`{"a":"\x"}`, CodeSyntax},
		{`{"a":"\u12g4"}`, CodeSyntax},
		{`{"a":"\ud800"}`, CodeSyntax},
		{`{"a":"\udc00"}`, CodeSyntax},
		{`{"a":"\ud800\u0041"}`, CodeSyntax},
		{`{"a":"x`, CodeSyntax},
		{`{"a":"\`, CodeSyntax},
		{`{"a":"\u00`, CodeSyntax},
		{`{"a":[1`, CodeSyntax},
		{`{"a":[1,]}`, CodeSyntax},
		{`{"a":{"b":1`, CodeSyntax},
		{`{"a"`, CodeSyntax},
		{`{`, CodeSyntax},
		{`{"a":1,"a":2}`, CodeDuplicate},
		{`{"a":1,"A":2}`, CodeDuplicate},
		{`{"a":1,"\u0061":2}`, CodeDuplicate},
		{`{"k":1,"K":2}`, CodeDuplicate}, // the Kelvin sign folds to k
		{`{"x":{"a":1,"b":2,"a":3}}`, CodeDuplicate},
		{`{"x":[{"a":1,"a":3}]}`, CodeDuplicate},
		{`{"a":NaN}`, CodeNumber},
		{`{"a":Infinity}`, CodeNumber},
		{`{"a":-Infinity}`, CodeNumber},
		{`{"a":1e309}`, CodeNumber},
		{`{"a":-1e309}`, CodeNumber},
		{`{"a":` + strings.Repeat("9", 400) + `}`, CodeNumber},
		{strings.Repeat(`{"a":`, 9) + `1` + strings.Repeat(`}`, 9), CodeComplex},
		{`{"a":` + strings.Repeat(`[`, 60000), CodeComplex},
		{`{"a":[` + strings.Repeat(`1,`, 5000) + `1]}`, CodeComplex},
		{manyMembers(maxMembers), ""},
		{manyMembers(maxMembers + 1), CodeComplex},
	} {
		var d doc
		_, err := d.parse([]byte(c.text))
		if got := code(err); got != c.code {
			t.Errorf("parse(%.60q) = %v, want code %q", c.text, err, c.code)
		}
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"m` + strings.Repeat("x", i%7) + short(float64(i)) + `":1`)
	}
	return b.String() + "}"
}

func code(err error) string {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Code
	}
	if err != nil {
		return "not a refusal: " + err.Error()
	}
	return ""
}

func TestFields(t *testing.T) {
	const text = `{"s":"x\u00e9","n":41.5,"b":true,"z":null,"e":"","o":{"p":{"q":"deep"}},"\u0061":7}`
	var d doc
	f, err := d.parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if f.Text("s", 10) != "xé" || f.Number("n", 0, 100) != 41.5 || !f.Bool("b") || f.Has("z") || f.OptText("missing", 1) != "" ||
		f.Object("o").Object("p").Text("q", 10) != "deep" || f.Whole("a") != 7 || f.Err() != nil {
		t.Fatalf("read wrong, %v", f.Err())
	}
	for _, c := range []struct {
		do   func()
		want string
	}{
		{func() { f.Text("n", 10) }, CodeType + ": n: text is wanted"},
		{func() { f.Text("s", 2) }, CodeValue + ": s: at most 2 bytes"},
		{func() { f.Text("e", 2) }, CodeMissing + ": e: is missing"},
		{func() { f.Text("z", 2) }, CodeMissing + ": z: is missing"},
		{func() { f.Number("s", 0, 1) }, CodeType + ": s: a number is wanted"},
		{func() { f.Number("n", 0, 1) }, CodeRange + ": n: from 0 to 1 is wanted"},
		{func() { f.Whole("n") }, CodeType + ": n: a whole number is wanted"},
		{func() { f.Bool("n") }, CodeType + ": n: true or false is wanted"},
		{func() { f.Object("n") }, CodeType + ": n: an object is wanted"},
		{func() { f.Object("o").Object("p").Enum("q", "a", "b") }, CodeValue + ": o.p.q: one of a, b is wanted"},
		{func() { f.Object("nothing").Object("p").Text("q", 1) }, CodeMissing + ": nothing: is missing"},
	} {
		d.err = nil
		c.do()
		if err := f.Err(); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// FuzzParse holds the scanner to the standard library: what it takes, that takes
// too and reads the same, and it never takes a number that is not finite.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":[1,{"b":null}],"c":"\u00e9\ud83d\ude00"}`, `{"a":1e309}`, `{"a":1,"A":2}`, `{"x":-0.5E+3}`, "{\"\xff\":1}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > MaxPayload {
			return
		}
		var d doc
		root, err := d.parse(text)
		if err != nil {
			if code(err) == "" {
				t.Fatalf("an error without a code: %v", err)
			}
			return
		}
		var want map[string]any
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatalf("%q was taken, but %v", text, err)
		}
		same(t, root, want)
	})
}

func same(t *testing.T, f Fields, want map[string]any) {
	t.Helper()
	seen := 0
	f.Each(func(name string, value any) {
		seen++
		w, ok := want[name]
		if !ok {
			t.Fatalf("member %q is not there", name)
		}
		switch v := value.(type) {
		case Fields:
			m, ok := w.(map[string]any)
			if !ok {
				t.Fatalf("%q is %v", name, w)
			}
			same(t, v, m)
		case float64:
			if v != w || math.IsInf(v, 0) || math.IsNaN(v) {
				t.Fatalf("%q: %v, want %v", name, v, w)
			}
		case json.RawMessage:
			if _, list := w.([]any); !list {
				t.Fatalf("%q: a list, want %v", name, w)
			}
		default:
			if v != w {
				t.Fatalf("%q: %v, want %v", name, v, w)
			}
		}
	})
	if seen != len(want) {
		t.Fatalf("%d members, want %d", seen, len(want))
	}
}
