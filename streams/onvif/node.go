package onvif

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits of an answer. The longest real ones, the profiles of a recorder with 64
// channels, have some 300 KB.
const (
	maxAnswer = 2 << 20 // bytes
	maxDepth  = 48
	maxNodes  = 50_000
	maxText   = 8 << 10 // bytes in one element; an address has some hundred
)

// node is an element. Only local names count: makers choose prefixes freely, and
// some get the namespaces wrong.
type node struct {
	name, space string
	attrs       map[string]string
	text        string
	kids        []*node
}

var errXML = errors.New("the answer is no XML that is wanted here")

// parseXML reads a document. It expands nothing: a document type, which could
// declare entities, ends it.
func parseXML(b []byte) (*node, error) {
	if len(b) > maxAnswer {
		return nil, fmt.Errorf("%w: it has more than %d bytes", errXML, maxAnswer)
	}
	d := xml.NewDecoder(bytes.NewReader(bytes.ToValidUTF8(b, []byte("?"))))
	// What is needed is ASCII, whatever the camera calls its encoding.
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	root := &node{}
	stack := []*node{root}
	for count := 0; ; {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %s", errXML, brief(err.Error()))
		}
		top := stack[len(stack)-1]
		switch x := t.(type) {
		case xml.Directive:
			return nil, fmt.Errorf("%w: it has a document type", errXML)
		case xml.StartElement:
			if count++; count > maxNodes || len(stack) > maxDepth {
				return nil, fmt.Errorf("%w: it has too many elements or levels", errXML)
			}
			n := &node{name: x.Name.Local, space: x.Name.Space}
			for _, a := range x.Attr {
				if n.attrs == nil {
					n.attrs = map[string]string{}
				}
				n.attrs[a.Name.Local] = a.Value
			}
			top.kids = append(top.kids, n)
			stack = append(stack, n)
		case xml.EndElement:
			top.text = strings.TrimSpace(top.text)
			stack = stack[:len(stack)-1]
		case xml.CharData:
			// Bounded, since it may come in many small pieces between elements.
			if len(stack) > 1 && len(top.text)+len(x) <= maxText {
				top.text += string(x)
			}
		}
	}
	if len(root.kids) != 1 {
		return nil, fmt.Errorf("%w: it is empty", errXML)
	}
	return root.kids[0], nil
}

func brief(s string) string {
	const most = 120
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// at follows names downward; nil where one is missing, which may be asked on.
func (n *node) at(path ...string) *node {
	for _, name := range path {
		if n == nil {
			return nil
		}
		var next *node
		for _, k := range n.kids {
			if k.name == name {
				next = k
				break
			}
		}
		n = next
	}
	return n
}

// all returns the children of a name.
func (n *node) all(name string) (list []*node) {
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if k.name == name {
			list = append(list, k)
		}
	}
	return list
}

// find returns the first element of a name at any depth.
func (n *node) find(name string) *node {
	if n == nil || n.name == name {
		return n
	}
	for _, k := range n.kids {
		if x := k.find(name); x != nil {
			return x
		}
	}
	return nil
}

// say is the text at a path, "" where it is missing.
func (n *node) say(path ...string) string {
	if x := n.at(path...); x != nil {
		return x.text
	}
	return ""
}

func (n *node) attr(name string) string {
	if n == nil {
		return ""
	}
	return n.attrs[name]
}
