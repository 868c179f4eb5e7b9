package rules

//go:generate go test . -run TestSchemasAreCurrent -update

import (
	"encoding/json"
	"fmt"

	"github.com/invopop/jsonschema"
)

// Where the schemas belong; the files that editors find by these names are the
// ones in configs.
const (
	schemaVersion = "https://json-schema.org/draft/2020-12/schema"
	schemaTitle   = "东岳枢纽规则 / Dongyue Hub rules"
	casesTitle    = "东岳枢纽规则测试 / Dongyue Hub rule tests"
)

// Schema is the JSON Schema of a rule file, for editors: they complete its keys
// and show what they mean. It is the first check, Load is the exact one.
func Schema() ([]byte, error) { return writeSchema(schemaTitle, ruleFileKeys()) }

// TestSchema is the JSON Schema of a *.test.yaml file.
func TestSchema() ([]byte, error) { return writeSchema(casesTitle, testFileKeys()) }

func writeSchema(title string, k keys) ([]byte, error) {
	s := object(k)
	s.Version, s.Title = schemaVersion, title
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("rules: write schema: %w", err)
	}
	return append(b, '\n'), nil
}

// key is one key of a mapping: its name, its meaning in both languages and the
// form of its value. must marks those without which there is no mapping.
type key struct {
	name   string
	zh, en string
	form   *jsonschema.Schema
	must   bool
}

type keys []key

// object is a mapping with these keys and no others.
func object(k keys) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "object", AdditionalProperties: jsonschema.FalseSchema, Properties: jsonschema.NewProperties()}
	for _, x := range k {
		form := *x.form
		form.Description = x.zh + " / " + x.en
		s.Properties.Set(x.name, &form)
		if x.must {
			s.Required = append(s.Required, x.name)
		}
	}
	return s
}

func list(item *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "array", Items: item}
}

func either(forms ...*jsonschema.Schema) *jsonschema.Schema { return &jsonschema.Schema{AnyOf: forms} }

func text(examples ...any) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Examples: examples}
}

// words is one of the words, or a list of them.
func words(known ...string) *jsonschema.Schema {
	one := word(known...)
	return either(one, list(one))
}

func word(known ...string) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, k := range known {
		s.Enum = append(s.Enum, k)
	}
	return s
}

func yesOrNo() *jsonschema.Schema { return &jsonschema.Schema{Type: "boolean"} }

func number(least, most int) *jsonschema.Schema {
	return &jsonschema.Schema{
		Type: "integer", Minimum: json.Number(fmt.Sprint(least)), Maximum: json.Number(fmt.Sprint(most)),
	}
}

// length is what time.ParseDuration reads, without signs.
func length(examples ...any) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^(0|\+?(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`, Examples: examples}
}

func both() *jsonschema.Schema {
	return object(keys{
		{name: "zh", zh: "中文(简体)", en: "Chinese (simplified)", form: text(), must: true},
		{name: "en", zh: "英文", en: "English", form: text(), must: true},
	})
}

func anything() *jsonschema.Schema { return &jsonschema.Schema{Type: "object"} }
