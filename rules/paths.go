package rules

import "strings"

// path is a place in an event's data that some expression asks for: data.temp_c,
// data.port.state. dataItself is the whole of it.
type path int32

const dataItself path = 0

// paths are all places that the expressions of a set ask for, as a tree of
// names, so that an event's data is taken apart no further than that.
type paths struct {
	nodes []pathNode
}

type pathNode struct {
	up      path
	name    string
	members map[string]path
}

func newPaths() *paths { return &paths{nodes: []pathNode{{}}} }

// member returns the place of a name within another place.
func (p *paths) member(up path, name string) path {
	if at, ok := p.nodes[up].members[name]; ok {
		return at
	}
	at := path(len(p.nodes))
	p.nodes = append(p.nodes, pathNode{up: up, name: strings.Clone(name)})
	if p.nodes[up].members == nil {
		p.nodes[up].members = map[string]path{}
	}
	p.nodes[up].members[p.nodes[at].name] = at
	return at
}

// string is the place as an expression has it.
func (p *paths) string(at path) string {
	if at == dataItself {
		return "data"
	}
	return p.string(p.nodes[at].up) + "." + p.nodes[at].name
}
