package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Reload is what a changed setting costs.
type Reload string

// The reload classes.
const (
	Live      Reload = "live"      // taken over at once, nothing is interrupted
	Component Reload = "component" // the part it belongs to starts anew
	Restart   Reload = "restart"   // works after the next start of the hub
)

// Field is one setting.
type Field struct {
	Path   string // mqtt.addr
	Doc    string // what it means, in a sentence part
	Env    string // environment variable: DONGYUE_MQTT_ADDR
	Short  string // second, shorter variable: DONGYUE_MQTT; empty for most
	Flag   string // command-line flag without dashes: mqtt; empty for most
	Reload Reload //
	Secret bool   // must not be shown

	tag   reflect.StructTag
	index []int
}

// Fields lists every setting in the order of the file.
func Fields() []Field { return fields(reflect.TypeFor[Config](), "", nil) }

func fields(t reflect.Type, prefix string, index []int) []Field {
	var all []Field
	for i := range t.NumField() {
		f := t.Field(i)
		path, at := join(prefix, f.Tag.Get("yaml")), append(slices.Clone(index), i)
		if f.Type.Kind() == reflect.Struct {
			all = append(all, fields(f.Type, path, at)...)
			continue
		}
		s := Field{
			Path: path, Doc: f.Tag.Get("doc"), Env: envName(path), Flag: f.Tag.Get("flag"),
			Reload: Reload(f.Tag.Get("reload")), Secret: f.Type == reflect.TypeFor[Secret](), tag: f.Tag, index: at,
		}
		if short := f.Tag.Get("env"); short != "" {
			s.Short = envName(short)
		} else if short = envName(s.Flag); s.Flag != "" && short != s.Env {
			s.Short = short
		}
		all = append(all, s)
	}
	return all
}

// envPrefix begins the name of every variable the hub reads.
const envPrefix = "DONGYUE_"

func envName(s string) string {
	return envPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(s))
}

// Value is the field's value in a configuration.
func (f Field) Value(c *Config) any { return f.of(c).Interface() }

func (f Field) of(c *Config) reflect.Value { return reflect.ValueOf(c).Elem().FieldByIndex(f.index) }

// Text is the field's value as the file has it, secrets hidden.
func (f Field) Text(c *Config) string {
	switch x := f.Value(c).(type) {
	case time.Duration:
		return FormatDuration(x)
	case []string:
		return "[" + strings.Join(x, ", ") + "]"
	default:
		return fmt.Sprint(x)
	}
}

// Change is a setting that differs between two configurations.
type Change struct {
	Path     string `json:"path"`
	Reload   Reload `json:"reload"`
	From, To string // as the file has them, secrets hidden
}

// Diff lists what changes from a to b, in the order of the file.
func Diff(a, b *Config) []Change {
	var changes []Change
	for _, f := range Fields() {
		if !reflect.DeepEqual(f.Value(a), f.Value(b)) {
			changes = append(changes, Change{Path: f.Path, Reload: f.Reload, From: f.Text(a), To: f.Text(b)})
		}
	}
	return changes
}

func join(prefix, key string) string {
	if prefix == "" {
		return key
	}
	return prefix + "." + key
}

func keysOf(t reflect.Type) []string {
	keys := make([]string, t.NumField())
	for i := range keys {
		keys[i] = t.Field(i).Tag.Get("yaml")
	}
	return keys
}

func list(words []string) string { return strings.Join(words, ", ") }

func isInt(v reflect.Value) bool { return v.Kind() == reflect.Int }

// wants says in a person's words what a field takes.
func wants(v reflect.Value) string {
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		return "a duration"
	case v.Type() == reflect.TypeFor[Addr]():
		return "host:port"
	case v.Kind() == reflect.Bool:
		return "true or false"
	case v.Kind() == reflect.Float64:
		return "a number"
	case isInt(v):
		return "a whole number"
	}
	return "text"
}

// fixFor is the hint for a value of the wrong type.
func fixFor(v reflect.Value) string {
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		return "write a number and a unit, like 30s or 5m"
	case v.Type() == reflect.TypeFor[Addr]():
		return "write 127.0.0.1:8080, :8080 for every interface, or off"
	case v.Kind() == reflect.Bool:
		return "write true or false, without quotes"
	case v.Kind() == reflect.Float64, isInt(v):
		return "write digits only"
	}
	return "put it in quotes"
}

// kindOf says in a person's words what a node is.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys and values"
	case *ast.NullNode:
		return "nothing"
	}
	return "something else"
}

// inRange checks a number against the tag range:"low..high".
func inRange(n int64, tag reflect.StructTag, parse func(string) int64) (what, hint string) {
	low, high, ok := strings.Cut(tag.Get("range"), "..")
	if !ok || n >= parse(low) && n <= parse(high) {
		return "", ""
	}
	return "is out of range", fmt.Sprintf("write a value from %s to %s", low, high)
}

// inEnum checks a word against the tag enum:"a|b".
func inEnum(s string, tag reflect.StructTag) (what, hint string) {
	words := strings.Split(tag.Get("enum"), "|")
	if slices.Contains(words, s) {
		return "", ""
	}
	if w := nearest(strings.ToLower(s), words); w != "" {
		return fmt.Sprintf("%q is not one of %s", s, list(words)), fmt.Sprintf("did you mean %s?", w)
	}
	return fmt.Sprintf("%q is not one of %s", s, list(words)), "write one of them"
}
