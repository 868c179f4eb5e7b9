package identity

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"dongyue/internal/web"
)

// grid is the whole table in one view: which of Admin, Supervisor, Operator,
// Crew, Resident, Integrator may. A new action must be given its line here.
const grid = `
public          A S O C R I
self            A S O C R I
stream.read     A S O C - I
devices.read    A S O C - I
devices.write   A - - - - -
devices.command A S O - - -
events.read     A S O - - I
series.read     A S O C - I
alarms.read     A S O C - I
alarms.act      A S O - - -
duty.read       A S O C - -
duty.write      A S - - - -
drills.run      A S - - - -
rules.read      A S O - - I
rules.write     A S - - - -
cameras.read    A S O - - I
cameras.view    A S O - - -
cameras.ptz     A S O - - -
cameras.write   A S - - - -
clips.view      A S O - - -
clips.export    A S O - - -
clips.delete    A S - - - -
lighting.write  A S - - - -
doors.unlock    A S O - - -
doors.read      A S O - - -
doors.lockdown  A S O - - -
muster.read     A S O C - -
muster.run      A S O - - -
access.read     A S O - - -
access.write    A S - - - -
home            A - - - R -
broadcast       A S O - - -
official.submit A S - - - I
orders.read     A S O C - -
orders.work     A S O C - -
orders.manage   A S O - - -
users.manage    A - - - - -
operations      A S O - - I
demo            A S O - - -
`

func TestEveryActionOfEveryRole(t *testing.T) {
	i := &Identity{grants: grants()}
	roles := []web.Role{web.Admin, web.Supervisor, web.Operator, web.Crew, web.Resident, web.Integrator}
	want := map[web.Action][]string{}
	for line := range strings.Lines(strings.TrimSpace(grid)) {
		f := strings.Fields(line)
		want[web.Action(f[0])] = f[1:]
	}
	actions := declared(t)
	if len(actions) != len(want) {
		t.Errorf("package web declares %d actions, the grid has %d", len(actions), len(want))
	}
	for _, a := range actions {
		line, ok := want[a]
		if !ok {
			t.Errorf("%s is in no line of the grid", a)
			continue
		}
		for n, role := range roles {
			if got := i.Allowed(web.Principal{Role: role}, a); got != (line[n] != "-") {
				t.Errorf("%s by %s: %v", a, role, got)
			}
		}
	}
}

func TestWhatIsNotNamedIsRefused(t *testing.T) {
	i := &Identity{grants: grants()}
	for _, p := range []web.Principal{{}, {Role: "root"}, {Role: "ADMIN"}, {Role: web.Admin}} {
		if i.Allowed(p, "doors.explode") {
			t.Errorf("role %q may do what does not exist", p.Role)
		}
	}
	for _, a := range declared(t) {
		if i.Allowed(web.Principal{}, a) || i.Allowed(web.Principal{Role: "root"}, a) {
			t.Errorf("%s is allowed to no role", a)
		}
	}
}

// declared reads the actions out of package web's source, so that none can be
// added without the grid.
func declared(t *testing.T) (actions []web.Action) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "../web/principal.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := v.Type.(*ast.Ident); ok && id.Name == "Action" {
			for _, e := range v.Values {
				s, err := strconv.Unquote(e.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				actions = append(actions, web.Action(s))
			}
		}
		return true
	})
	if len(actions) < 20 {
		t.Fatalf("only %d actions found", len(actions))
	}
	return actions
}
