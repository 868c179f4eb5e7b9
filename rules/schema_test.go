package rules

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write the files that are made from others")

func TestSchemasAreCurrent(t *testing.T) {
	for file, make := range map[string]func() ([]byte, error){"rules.schema.json": Schema, "rules.test.schema.json": TestSchema} {
		want, err := make()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("../configs", file)
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, got) {
			t.Errorf("%s is not what the table says; run go generate ./rules", path)
		}
	}
}

// validator is a schema as an editor uses it.
func validator(t testing.TB, text []byte, err error) *jsonschema.Schema {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("file.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("file.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ruleValidator(t testing.TB) *jsonschema.Schema {
	text, err := Schema()
	return validator(t, text, err)
}

// value is a YAML text as JSON has it.
func value(text []byte) (any, error) {
	b, err := yaml.YAMLToJSON(text)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(b))
}

func TestShippedFilesAreAsTheSchemasSay(t *testing.T) {
	forRules := ruleValidator(t)
	text, err := TestSchema()
	forTests := validator(t, text, err)
	files, err := filepath.Glob("../configs/rules/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		s, named := forRules, "../rules.schema.json"
		if strings.HasSuffix(f, TestSuffix) {
			s, named = forTests, "../rules.test.schema.json"
		}
		if !bytes.HasPrefix(text, []byte("# yaml-language-server: $schema="+named+"\n")) {
			t.Errorf("%s does not name its schema %s in the first line", f, named)
		}
		v, err := value(text)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		if err := s.Validate(v); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}

// What the loader says it knows is what the schema has, mapping by mapping.
func TestSchemasHaveTheKeysOfTheLoader(t *testing.T) {
	for _, c := range []struct {
		schema func() ([]byte, error)
		read   func(s *source, text []byte)
	}{
		{Schema, func(s *source, text []byte) {
			_, problems := load([]file{{"x.yaml", text}}, nil)
			s.problems = problems
		}},
		{TestSchema, func(s *source, text []byte) { readCases(s, text) }},
	} {
		text, err := c.schema()
		if err != nil {
			t.Fatal(err)
		}
		var root map[string]any
		if err := json.Unmarshal(text, &root); err != nil {
			t.Fatal(err)
		}
		seen := 0
		mappings(root, func(v any) any { return v }, func(keys []string, put func(any) any) {
			seen++
			doc, err := json.Marshal(put(map[string]any{stranger: "x"}))
			if err != nil {
				t.Fatal(err)
			}
			s := &source{file: "x.yaml"}
			c.read(s, doc)
			if diff := cmp.Diff(keys, known(s.problems)); diff != "" {
				t.Errorf("%s: schema and loader differ (-schema +loader):\n%s", doc, diff)
			}
		})
		if seen < 4 {
			t.Errorf("only %d mappings in the schema", seen)
		}
	}
}

// stranger is like no key.
const stranger = "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"

// known is what the loader lists beside its complaint about the stranger.
func known(ps []Problem) (keys []string) {
	for _, p := range ps {
		if list, ok := strings.CutPrefix(p.Hint, "known are "); ok && strings.Contains(p.What, stranger) {
			keys = strings.Split(list, ", ")
		}
	}
	slices.Sort(keys)
	return keys
}

// mappings calls f with the keys of each mapping that a schema describes and with
// a function that puts a value in its place in a whole document.
func mappings(s map[string]any, put func(any) any, f func(keys []string, put func(any) any)) {
	forms, _ := s["anyOf"].([]any)
	all := map[string]map[string]any{}
	for _, x := range append(forms, s) {
		form, _ := x.(map[string]any)
		if items, ok := form["items"].(map[string]any); ok {
			mappings(items, func(v any) any { return put([]any{v}) }, f)
		}
		props, _ := form["properties"].(map[string]any)
		for k, v := range props {
			all[k], _ = v.(map[string]any)
		}
	}
	if len(all) == 0 {
		return
	}
	for k, inner := range all {
		mappings(inner, func(v any) any { return put(map[string]any{k: v}) }, f)
	}
	f(slices.Sorted(maps.Keys(all)), put)
}
