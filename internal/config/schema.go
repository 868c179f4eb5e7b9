package config

//go:generate go test . -run TestSchemaIsCurrent -update

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/invopop/jsonschema"
)

// Patterns of the schema; the editor's first check, Load is the exact one.
const (
	durationPattern = `^([0-9]+(ms|s|m|h|d))+$`
	addrPattern     = `^(off|.*:[0-9]{1,5})$`
)

// Schema is the JSON Schema of the file, made from the struct: for editors, which
// then complete keys and show what they mean.
func Schema() ([]byte, error) {
	r := jsonschema.Reflector{
		FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, DoNotReference: true, Anonymous: true,
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			switch t {
			case reflect.TypeFor[time.Duration]():
				return &jsonschema.Schema{Type: "string", Pattern: durationPattern}
			case reflect.TypeFor[Addr]():
				return &jsonschema.Schema{Type: "string", Pattern: addrPattern}
			case reflect.TypeFor[Secret]():
				return &jsonschema.Schema{Type: "string"}
			}
			return nil
		},
	}
	s := r.Reflect(Config{})
	s.Title = "Dongyue Hub"
	s.Description = "Settings of the hub; every key may be left out"
	annotate(s, reflect.ValueOf(Default()).Elem())
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write schema: %w", err)
	}
	return append(b, '\n'), nil
}

// annotate adds what the struct's tags say: meaning, default, words, range.
func annotate(s *jsonschema.Schema, v reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		p, ok := s.Properties.Get(f.Tag.Get("yaml"))
		if !ok {
			continue
		}
		p.Description = f.Tag.Get("doc")
		if f.Type.Kind() == reflect.Struct {
			annotate(p, v.Field(i))
			continue
		}
		if r := f.Tag.Get("reload"); r != "" {
			p.Description += " (a change: " + r + ")"
		}
		p.Default = v.Field(i).Interface()
		if d, ok := p.Default.(time.Duration); ok {
			p.Default = FormatDuration(d)
		}
		for word := range strings.SplitSeq(f.Tag.Get("enum"), "|") {
			if word != "" {
				p.Enum = append(p.Enum, word)
			}
		}
		if low, high, ok := strings.Cut(f.Tag.Get("range"), ".."); ok {
			if _, err := strconv.Atoi(low); err == nil {
				p.Minimum, p.Maximum = json.Number(low), json.Number(high)
			} else {
				p.Description += ", " + low + " to " + high
			}
		}
	}
}
