package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// decoder writes a tree into a struct and goes on after each mistake.
type decoder struct {
	file     string
	problems Problems
	anchors  map[string]ast.Node
	places   map[string]*token.Token // of the values that the file sets, by path
}

// decode reads one YAML document into the struct that into points to, and
// returns where each value stands.
func decode(file string, b []byte, into any) (map[string]*token.Token, Problems) {
	return decodeUpTo(file, b, into, maxFile)
}

// decodeUpTo is decode for files of another size, in bytes.
func decodeUpTo(file string, b []byte, into any, most int) (map[string]*token.Token, Problems) {
	body, p := parse(file, b, most)
	if p != nil {
		return nil, Problems{*p}
	}
	d := &decoder{file: file, anchors: map[string]ast.Node{}, places: map[string]*token.Token{}}
	if body != nil {
		ast.Walk(d, body)
		d.value(body, reflect.ValueOf(into).Elem(), "", "")
	}
	return d.places, d.problems
}

// Visit collects the anchors, so that an alias finds its value.
func (d *decoder) Visit(n ast.Node) ast.Visitor {
	if a, ok := n.(*ast.AnchorNode); ok && a.Name != nil {
		d.anchors[a.Name.String()] = a.Value
	}
	return d
}

func (d *decoder) fail(tk *token.Token, path, what, hint string) {
	p := at(d.file, tk, what, hint)
	p.Path = path
	d.problems = append(d.problems, *p)
}

// resolve follows anchors and aliases to the value; nil after a problem.
func (d *decoder) resolve(n ast.Node, path string) ast.Node {
	for range maxDepth {
		switch x := n.(type) {
		case *ast.AnchorNode:
			n = x.Value
		case *ast.AliasNode:
			to, ok := d.anchors[x.Value.String()]
			if !ok {
				d.fail(x.GetToken(), path, fmt.Sprintf("no anchor &%s in this file", x.Value), "write the value itself")
				return nil
			}
			n = to
		case *ast.TagNode:
			d.fail(x.GetToken(), path, "has the tag "+x.Start.Value, "remove the tag")
			return nil
		default:
			return n
		}
	}
	d.fail(n.GetToken(), path, "refers to itself", "write the value itself")
	return nil
}

// value decodes one node; tag is the field's, "" at the root.
func (d *decoder) value(n ast.Node, v reflect.Value, path string, tag reflect.StructTag) {
	from := n.GetToken()
	if n = d.resolve(n, path); n == nil {
		return
	}
	d.places[path] = from
	switch v.Kind() {
	case reflect.Struct:
		d.section(n, v, path)
	case reflect.Slice:
		d.list(n, v, path, tag)
	case reflect.Map:
		d.words(n, v, path)
	default:
		if what, hint := setNode(n, v, tag); what != "" {
			d.fail(from, path, what, hint)
		}
	}
}

func (d *decoder) section(n ast.Node, v reflect.Value, path string) {
	var values []*ast.MappingValueNode
	switch x := n.(type) {
	case *ast.MappingNode:
		values = x.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{x}
	case *ast.NullNode: // a section whose keys are all commented out
		return
	default:
		d.fail(n.GetToken(), path, "wants keys and values, has "+kindOf(n), "write its keys below it, two spaces deeper")
		return
	}
	first := map[string]int{}
	for _, kv := range values {
		tk := kv.Key.GetToken()
		if kv.Key.IsMergeKey() {
			d.fail(tk, path, "merges another section", "write the keys out")
			continue
		}
		key := tk.Value
		sub := join(path, key)
		if line, again := first[key]; again {
			d.fail(tk, sub, fmt.Sprintf("is already set in line %d", line), "keep one of the two")
			continue
		}
		first[key] = tk.Position.Line
		i := slices.IndexFunc(reflect.VisibleFields(v.Type()), func(f reflect.StructField) bool { return f.Tag.Get("yaml") == key })
		if i < 0 {
			d.unknown(tk, sub, key, v.Type())
			continue
		}
		section := v.Field(i).Kind() == reflect.Struct
		if _, null := kv.Value.(*ast.NullNode); kv.Value == nil || null && !section {
			d.fail(tk, sub, "has no value", "write one, or remove the line")
			continue
		}
		d.value(kv.Value, v.Field(i), sub, v.Type().Field(i).Tag)
		if section {
			d.places[sub] = tk // what is missing in it is said at its name
		}
	}
}

func (d *decoder) unknown(tk *token.Token, path, key string, t reflect.Type) {
	keys := keysOf(t)
	hint := ""
	if k := nearest(key, keys); k != "" {
		hint = fmt.Sprintf("did you mean %s?", k)
	} else {
		hint = "known here: " + list(keys)
	}
	d.fail(tk, path, "no such setting", hint)
}

func (d *decoder) list(n ast.Node, v reflect.Value, path string, tag reflect.StructTag) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fail(n.GetToken(), path, "wants a list, has "+kindOf(n), "write [first, second]")
		return
	}
	before := len(d.problems)
	out := reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values))
	for i, item := range seq.Values {
		sub := path + "[" + strconv.Itoa(i) + "]"
		if item == nil {
			d.fail(seq.GetToken(), sub, "has no value", "write one, or remove it")
			continue
		}
		d.value(item, out.Index(i), sub, tag)
	}
	if len(d.problems) == before {
		v.Set(out)
	}
}

// setNode sets one plain value from the file.
func setNode(n ast.Node, v reflect.Value, tag reflect.StructTag) (what, hint string) {
	switch x := n.(type) {
	case *ast.StringNode:
		return setQuoted(x.Value, v, tag)
	case *ast.LiteralNode:
		return setQuoted(x.Value.Value, v, tag)
	case *ast.NullNode:
		return "has no value", "write one, or remove the line"
	case *ast.IntegerNode:
		switch {
		case v.Type() == reflect.TypeFor[Addr](), v.Type() == reflect.TypeFor[time.Duration](), isInt(v), v.Kind() == reflect.Float64:
			return setText(fmt.Sprint(x.Value), v, tag)
		}
	case *ast.FloatNode:
		if v.Kind() == reflect.Float64 {
			v.SetFloat(x.Value)
			return "", ""
		}
	case *ast.BoolNode:
		if v.Kind() == reflect.Bool {
			v.SetBool(x.Value)
			return "", ""
		}
	}
	return "wants " + wants(v) + ", has " + kindOf(n), fixFor(v)
}

// setQuoted sets a value that the file has as text: numbers and booleans must
// stand without quotes, so that one way of writing them is enough.
func setQuoted(s string, v reflect.Value, tag reflect.StructTag) (what, hint string) {
	switch {
	case v.Kind() == reflect.Bool:
		return "wants true or false, has " + strconv.Quote(s), "write true or false, without quotes"
	case isInt(v):
		if _, err := strconv.ParseInt(s, 10, 64); err == nil {
			return "wants a number, has text", "write " + s + " without quotes"
		}
	}
	return setText(s, v, tag)
}

// setText sets a value from text: of the file, the environment or a flag.
func setText(s string, v reflect.Value, tag reflect.StructTag) (what, hint string) {
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		d, what, hint := parseDuration(s)
		if what == "" {
			what, hint = inRange(int64(d), tag, func(s string) int64 { d, _, _ := parseDuration(s); return int64(d) })
		}
		if what == "" {
			v.SetInt(int64(d))
		}
		return what, hint
	case isInt(v):
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return fmt.Sprintf("%q is not a whole number", s), "write digits only"
		}
		if what, hint = inRange(n, tag, func(s string) int64 { n, _ := strconv.ParseInt(s, 10, 64); return n }); what == "" {
			v.SetInt(n)
		}
		return what, hint
	case v.Kind() == reflect.Float64:
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return fmt.Sprintf("%q is not a number", s), "write digits"
		}
		v.SetFloat(x)
		return "", ""
	case v.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return fmt.Sprintf("%q is not true or false", s), "write true or false"
		}
		v.SetBool(b)
		return "", ""
	case v.Type() == reflect.TypeFor[Addr]():
		what, hint = checkAddr(s)
	case tag.Get("enum") != "":
		what, hint = inEnum(s, tag)
	}
	if what == "" {
		v.SetString(s)
	}
	return what, hint
}
