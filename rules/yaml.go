package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"dongyue/internal/event"
)

// Limits of a rule file, so that a wrong file can't take the hub's memory.
const (
	maxFile  = 256 << 10
	maxDepth = 16
)

// source is one file being read; it gathers the problems.
type source struct {
	file     string
	text     string
	problems []Problem
}

// node is a place in the file. key is nil at the root and in lists.
type node struct {
	src  *source
	val  ast.Node
	key  *token.Token
	path string
}

// parse returns the document's root; a node without a value when the file is
// empty or not YAML, which has then been reported.
func (s *source) parse(text []byte) node {
	root := node{src: s}
	if len(text) > maxFile {
		s.add(nil, "", fmt.Sprintf("file is larger than %d KiB", maxFile>>10), "split it by topic")
		return root
	}
	s.text = string(text)
	f, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		if se, ok := errors.AsType[*yaml.SyntaxError](err); ok {
			s.add(se.Token, "", "not YAML: "+se.Message, "look at the indentation and quotes of this line")
		} else {
			s.add(nil, "", "not YAML: "+err.Error(), "")
		}
		return root
	}
	for _, d := range f.Docs {
		if d == nil || d.Body == nil {
			continue
		}
		if root.val != nil {
			s.add(d.Body.GetToken(), "", "more than one document", "keep one per file, without ---")
			break
		}
		root.val = d.Body
	}
	return root
}

func (s *source) add(t *token.Token, path, what, hint string) {
	p := Problem{File: s.file, Path: path, What: what, Hint: hint}
	if t != nil && t.Position != nil {
		p.Line, p.Col = t.Position.Line, t.Position.Column
	}
	s.problems = append(s.problems, p)
}

func (n node) problem(what, hint string) { n.src.add(n.at(), n.path, what, hint) }

// at is the value's place for a scalar, else its key's.
func (n node) at() *token.Token {
	switch n.val.(type) {
	case nil, *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode, *ast.NullNode:
		if n.key != nil {
			return n.key
		}
	}
	if n.val == nil {
		return nil
	}
	return n.val.GetToken()
}

// within is the place in the file of a place in a text: its line from 1, its
// column from 0. In a block (| or >) it is looked for in the file's lines, since
// the text does not have their indentation, nor all of their ends.
func (n node) within(line, col int) (int, int) {
	t := n.at()
	if t == nil || t.Position == nil {
		return 0, 0
	}
	v, block := n.val.(*ast.LiteralNode)
	if !block {
		if t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType {
			col++
		}
		if line > 1 { // plain text over several lines: their ends are not known
			return t.Position.Line, t.Position.Column
		}
		return t.Position.Line, t.Position.Column + col
	}
	for i, l := range strings.Split(v.Value.Value, "\n") {
		if i+1 < line {
			col += len([]rune(l)) + 1
		}
	}
	indent := -1
	lines := strings.Split(n.src.text, "\n")
	for i := v.Start.Position.Line; i < len(lines); i++ {
		l := strings.TrimRight(lines[i], "\r")
		blank := strings.TrimLeft(l, " ") == ""
		if indent < 0 && !blank {
			indent = len(l) - len(strings.TrimLeft(l, " "))
		}
		length := max(len([]rune(l))-max(indent, 0), 0)
		if col <= length && !blank {
			return i + 1, indent + col + 1
		}
		col -= length + 1
	}
	return v.Start.Position.Line + 1, 0
}

func (n node) line() int {
	if t := n.at(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}

func (n node) ok() bool { return n.val != nil }

// scalar reports whether it is a single text.
func (n node) scalar() bool {
	switch n.val.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return true
	}
	return false
}

func pairs(v ast.Node) ([]*ast.MappingValueNode, bool) {
	switch v := v.(type) {
	case *ast.MappingNode:
		return v.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{v}, true
	}
	return nil, false
}

// fields takes a mapping apart and reports members that are not known.
func (n node) fields(known ...string) map[string]node {
	out, order := n.members()
	for _, name := range order {
		if !slices.Contains(known, name) {
			f := out[name]
			n.src.add(f.key, n.path, fmt.Sprintf("unknown key %q", name), suggest(name, known))
			delete(out, name)
		}
	}
	return out
}

func (n node) members() (map[string]node, []string) {
	out := map[string]node{}
	ps, ok := pairs(n.val)
	if !ok {
		if n.ok() {
			n.problem("must be a mapping (key: value)", "")
		}
		return out, nil
	}
	var order []string
	for _, p := range ps {
		if p.Key == nil || p.Key.IsMergeKey() {
			n.src.add(p.GetToken(), n.path, "merge keys are not used here", "write the values out")
			continue
		}
		name := p.Key.GetToken().Value
		m := node{src: n.src, val: p.Value, key: p.Key.GetToken(), path: join(n.path, name)}
		if first, twice := out[name]; twice {
			n.src.add(m.key, m.path, "is here twice", fmt.Sprintf("the first is on line %d", first.line()))
			continue
		}
		if _, null := p.Value.(*ast.NullNode); null || p.Value == nil {
			m.problem("has no value", "give one or remove the key")
			continue
		}
		out[name] = m
		order = append(order, name)
	}
	return out, order
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// list takes a sequence apart.
func (n node) list() []node {
	if !n.ok() {
		return nil
	}
	seq, ok := n.val.(*ast.SequenceNode)
	if !ok {
		n.problem("must be a list (- item)", "")
		return nil
	}
	out := make([]node, 0, len(seq.Values))
	for i, v := range seq.Values {
		out = append(out, node{src: n.src, val: v, path: fmt.Sprintf("%s[%d]", n.path, i)})
	}
	return out
}

// text reads a string; numbers and booleans must be quoted, since `on: off` has
// surprised too many.
func (n node) text() string {
	switch v := n.val.(type) {
	case nil:
		return ""
	case *ast.StringNode:
		return v.Value
	case *ast.LiteralNode:
		return v.Value.Value
	}
	n.problem("must be text", "put it in quotes")
	return ""
}

// word reads a name of small letters, digits and _.
func (n node) word() string {
	s := n.text()
	if n.ok() && !validID(s) {
		n.problem(fmt.Sprintf("%q is not a name", s), "small letters, digits and _, a letter first")
	}
	return s
}

// hash names a node by what stands in it; comments and places don't count.
func (n node) hash() string {
	h := sha256.New()
	write(h, n.val)
	return hex.EncodeToString(h.Sum(nil))[:12]
}

func write(w io.Writer, v ast.Node) {
	switch v := v.(type) {
	case *ast.SequenceNode:
		_, _ = fmt.Fprintf(w, "[%d", len(v.Values))
		for _, x := range v.Values {
			write(w, x)
		}
		return
	case *ast.LiteralNode:
		_, _ = fmt.Fprintf(w, "%q", v.Value.Value)
		return
	}
	if ps, ok := pairs(v); ok {
		_, _ = fmt.Fprintf(w, "{%d", len(ps))
		for _, p := range ps {
			write(w, p.Key)
			write(w, p.Value)
		}
		return
	}
	if v != nil && v.GetToken() != nil {
		_, _ = fmt.Fprintf(w, "%d%q", v.Type(), v.GetToken().Value)
	}
}

// texts reads one string or a list of them.
func (n node) texts() []string {
	if _, list := n.val.(*ast.SequenceNode); !list {
		if s := n.text(); s != "" {
			return []string{s}
		}
		return nil
	}
	var out []string
	for _, m := range n.list() {
		if s := m.text(); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// bilingual reads {zh, en}; both are needed.
func (n node) bilingual() event.Text {
	f := n.fields("zh", "en")
	t := event.Text{ZH: f["zh"].text(), EN: f["en"].text()}
	if n.ok() && (t.ZH == "" || t.EN == "") {
		n.problem("needs zh and en", `write {zh: "…", en: "…"}`)
	}
	return t
}

func (n node) boolean() bool {
	if !n.ok() {
		return false
	}
	v, ok := n.val.(*ast.BoolNode)
	if !ok {
		n.problem("must be true or false", "")
		return false
	}
	return v.Value
}

func (n node) integer(least, most int) int {
	if !n.ok() {
		return 0
	}
	i, err := strconv.Atoi(n.val.GetToken().Value)
	if _, number := n.val.(*ast.IntegerNode); !number || err != nil || i < least || i > most {
		n.problem(fmt.Sprintf("must be a whole number from %d to %d", least, most), "")
		return least
	}
	return i
}

// longest is the limit of every duration in a rule.
const longest = 30 * 24 * time.Hour

func (n node) duration() time.Duration {
	if !n.ok() {
		return 0
	}
	d, err := time.ParseDuration(n.val.GetToken().Value)
	if err != nil || d < 0 || d > longest {
		n.problem("must be a duration such as 500ms, 10s, 2m or 1h, at most 720h", "")
		return 0
	}
	return d
}

// plain turns the value into what JSON has: text, number, boolean, list, map.
func (n node) plain(depth int) any {
	if depth > maxDepth {
		n.problem("is nested too deeply", "")
		return nil
	}
	switch v := n.val.(type) {
	case *ast.StringNode:
		return v.Value
	case *ast.LiteralNode:
		return v.Value.Value
	case *ast.BoolNode:
		return v.Value
	case *ast.IntegerNode, *ast.FloatNode:
		f, err := strconv.ParseFloat(v.GetToken().Value, 64)
		if err != nil || math.IsInf(f, 0) {
			n.problem("is not a number that JSON can hold", "")
		}
		return f
	case *ast.SequenceNode:
		out := []any{}
		for _, m := range n.list() {
			out = append(out, m.plain(depth+1))
		}
		return out
	case *ast.MappingNode, *ast.MappingValueNode:
		out := map[string]any{}
		members, _ := n.members()
		for k, m := range members {
			out[k] = m.plain(depth + 1)
		}
		return out
	}
	n.problem("must be text, a number, true, false, a list or a mapping", "anchors, aliases and tags are not used here")
	return nil
}
