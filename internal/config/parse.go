package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits of a file. The longest real one has a few hundred lines and is four
// levels deep; the YAML reader takes quadratic time in the depth of brackets.
const (
	maxFile  = 64 << 10 // bytes
	maxDepth = 32       // brackets, dashes on one line, levels of indentation
)

// parse turns bytes into the tree of the one document in them; nil for an empty
// file. What can't be read is one problem.
func parse(file string, b []byte, most int) (body ast.Node, p *Problem) {
	if len(b) > most {
		return nil, &Problem{File: file, Line: 1, Col: 1, What: fmt.Sprintf("the file has %d bytes", len(b)), Hint: fmt.Sprintf("keep it under %d", most)}
	}
	// The reader is other people's code that meets outside bytes: should it ever
	// panic, that is one more way of saying that the file is no YAML.
	defer func() {
		if r := recover(); r != nil {
			body, p = nil, &Problem{File: file, Line: 1, Col: 1, What: fmt.Sprintf("the YAML reader gave up: %v", r)}
		}
	}()
	tokens := lexer.Tokenize(strings.TrimPrefix(string(b), "\ufeff"))
	if tk := tooDeep(tokens); tk != nil {
		return nil, at(file, tk, "nested too deeply", fmt.Sprintf("keep it under %d levels", maxDepth))
	}
	f, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntaxProblem(file, err)
	}
	for _, d := range f.Docs {
		switch {
		case d.Body == nil:
		case body != nil:
			return nil, at(file, d.Body.GetToken(), "a second document", "keep one document in a file, without ---")
		default:
			body = d.Body
		}
	}
	return body, nil
}

// syntaxProblem places the reader's own complaint.
func syntaxProblem(file string, err error) *Problem {
	var e yaml.Error
	if !errors.As(err, &e) || e.GetToken() == nil {
		return &Problem{File: file, Line: 1, Col: 1, What: "not YAML: " + err.Error()}
	}
	hint := ""
	if strings.Contains(e.GetMessage(), `character '	'`) {
		hint = "indent with spaces, not tabs"
	}
	return at(file, e.GetToken(), "not YAML: "+e.GetMessage(), hint)
}

// at is a problem at a token.
func at(file string, tk *token.Token, what, hint string) *Problem {
	p := &Problem{File: file, Line: 1, Col: 1, What: what, Hint: hint}
	if tk != nil && tk.Position != nil {
		p.Line, p.Col = max(1, tk.Position.Line), max(1, tk.Position.Column)
	}
	return p
}

// tooDeep returns the token at which the nesting passes maxDepth, nil for none.
func tooDeep(tokens token.Tokens) *token.Token {
	flow, run, line := 0, 0, 0
	for _, tk := range tokens {
		switch tk.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			if tk.Position.Line != line {
				run, line = 0, tk.Position.Line
			}
			run++
		default:
		}
		if flow > maxDepth || run > maxDepth || tk.Position.IndentLevel > maxDepth {
			return tk
		}
	}
	return nil
}
