package rules

import (
	"context"
	"net/http"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// Operations are the room's operations in the API.
type Operations struct {
	Engine  *Engine
	Book    *Book
	Replays *Replays
}

// RuleView is a rule as the API tells it.
type RuleView struct {
	ID        string         `json:"id"`
	Title     event.Text     `json:"title" doc:"with placeholders: {name}, {part}, {data.temp_c}"`
	Priority  event.Priority `json:"priority"`
	File      string         `json:"file"`
	Line      int            `json:"line"`
	Version   string         `json:"version" doc:"hash of the rule as it is written"`
	Kinds     []event.Kind   `json:"kinds" doc:"empty: every kind"`
	Channel   event.Channel  `json:"channel"`
	Types     []string       `json:"types"`
	Zones     []string       `json:"zones" doc:"empty: everywhere"`
	When      string         `json:"when,omitempty"`
	AbsentS   float64        `json:"absent_s,omitempty" doc:"instead of when: nothing of what it watches for so long"`
	Quorum    *RuleQuorum    `json:"quorum,omitempty" doc:"it must hold for so many of a group; left out: each device for itself"`
	ForS      float64        `json:"for_s"`
	KeepS     float64        `json:"keep_firing_s,omitempty" doc:"kept this long after it is over"`
	Latch     bool           `json:"latch"`
	Life      bool           `json:"life_safety"`
	ReAlarmS  float64        `json:"realarm_s,omitempty" doc:"told again while it stands"`
	Silent    bool           `json:"silent"`
	Procedure string         `json:"procedure,omitempty"`
	Escalates string         `json:"escalation,omitempty" doc:"name of the policy; left out: the one for its priority"`
	Incident  RuleIncident   `json:"incident"`
	DependsOn []string       `json:"depends_on"`
	Scopes    []Scope        `json:"depends_on_scopes" doc:"of each in depends_on: device, zone or via"`
	SettleS   float64        `json:"settle_s,omitempty" doc:"what it silenced stays silent this long after its return"`
	Actions   []string       `json:"actions" doc:"what is done: command cut, broadcast …"`

	Pending    int        `json:"pending" doc:"devices and parts where the condition holds, not long enough yet"`
	Firing     int        `json:"firing" doc:"devices and parts where it is raised"`
	Raised     int        `json:"raised" doc:"since the hub started"`
	LastRaised *time.Time `json:"last_raised_at,omitempty"`
	Errors     int        `json:"errors"`
	LastError  string     `json:"last_error,omitempty"`
	Disabled   *Disabled  `json:"disabled" doc:"switched off by the hub; null: at work"`
}

// RuleQuorum is a Quorum as the API tells it.
type RuleQuorum struct {
	Of         int   `json:"of,omitempty" doc:"devices; with share_pct both must be reached"`
	SharePct   int   `json:"share_pct,omitempty" doc:"of the devices of the group that have been heard"`
	By         Place `json:"by" doc:"community, court, building, unit, or via: what they hang on"`
	ClearBelow int   `json:"clear_below,omitempty" doc:"it returns with fewer; left out: half"`
}

// RuleIncident is an Incident as the API tells it.
type RuleIncident struct {
	Cause string `json:"cause"`
	Place Place  `json:"place" doc:"community, court, building, unit or device"`
}

type ruleList struct {
	Body struct {
		BookState
		Items []RuleView `json:"items"`
		Next  string     `json:"next"`
	}
}

type ruleText struct {
	Body struct {
		File string `json:"file,omitempty" maxLength:"200" doc:"a name for the problems' places"`
		Text string `json:"text" maxLength:"262144" doc:"the YAML of one rule file"`
	}
}

type ruleCheck struct {
	Body struct {
		OK       bool          `json:"ok"`
		Rules    []string      `json:"rules" doc:"the ids in it"`
		Problems []RuleProblem `json:"problems"`
	}
}

// RuleProblem is a Problem under a name of its own in the API's schema, where
// Problem is the form of errors.
type RuleProblem Problem

func shownProblems(ps []Problem) []RuleProblem {
	out := make([]RuleProblem, 0, len(ps))
	for _, p := range ps {
		out = append(out, RuleProblem(p))
	}
	return out
}

func readOp(method, path, summary string) web.Op {
	return web.Op{Method: method, Path: path, Summary: summary, Tag: "rules", Action: web.RulesRead, MaxBody: maxBody}
}

func writeOp(method, path, summary string) web.Op {
	return web.Op{Method: method, Path: path, Summary: summary, Tag: "rules", Action: web.RulesWrite, MaxBody: maxBody}
}

// maxBody of a request with files.
const maxBody = 8 << 20

// Register adds the operations.
func (o Operations) Register(a *web.API) {
	web.Register(a, readOp(http.MethodGet, "/rules", "The rules in force and what they have done"), o.list)
	web.Register(a, readOp(http.MethodPost, "/rules/check", "All mistakes of a rule file, without using it"), o.check)
	web.Register(a, readOp(http.MethodPost, "/rules/test", "Play the tests of files laid over those in force, without using them"), o.test)
	o.registerFiles(a)
	o.registerReplays(a)
}

func (o Operations) list(context.Context, *struct{}) (*ruleList, error) {
	out := &ruleList{}
	out.Body.BookState, out.Body.Items = o.Book.State(), []RuleView{}
	for _, st := range o.Engine.Status() {
		v := shown(st)
		v.Disabled = o.Engine.disabledOf(&st)
		out.Body.Items = append(out.Body.Items, v)
	}
	return out, nil
}

func (o Operations) check(_ context.Context, in *ruleText) (*ruleCheck, error) {
	name := in.Body.File
	if name == "" {
		name = "rules.yaml"
	}
	set, problems := Check(name, []byte(in.Body.Text), o.Book.Set())
	out := &ruleCheck{}
	out.Body.OK, out.Body.Problems, out.Body.Rules = set != nil, shownProblems(problems), []string{}
	if set != nil {
		for _, r := range set.Rules {
			out.Body.Rules = append(out.Body.Rules, r.ID)
		}
	}
	return out, nil
}

// FilesOver are files as a request brings them, to be laid over those in force.
type FilesOver struct {
	Files map[string]string `json:"files,omitempty" maxProperties:"1000" doc:"by name; laid over the files in force"`
	Only  bool              `json:"only,omitempty" doc:"these files and no others"`
}

// over lays the request's files over those in force.
func (s *FilesOver) over(force Files) (Files, error) {
	for _, name := range Files(s.Files).Names() {
		if !ValidFile(name) {
			return nil, web.Fail(http.StatusUnprocessableEntity, "rules.file_name", ErrName.Error())
		}
	}
	if s.Only {
		return Files{}.With(s.Files), nil
	}
	return force.With(s.Files), nil
}

type filesToTest struct{ Body FilesOver }

type testAnswer struct {
	Body struct {
		OK       bool          `json:"ok" doc:"no problems, and every case holds"`
		Problems []RuleProblem `json:"problems"`
		Results  []TestResult  `json:"results"`
	}
}

func (o Operations) test(_ context.Context, in *filesToTest) (*testAnswer, error) {
	files, err := in.Body.over(o.Book.Files())
	if err != nil {
		return nil, err
	}
	results, problems := files.Test(nil)
	out := &testAnswer{}
	out.Body.Problems, out.Body.Results = shownProblems(problems), append([]TestResult{}, results...)
	out.Body.OK = len(problems) == 0
	for _, r := range results {
		out.Body.OK = out.Body.OK && r.OK
	}
	return out, nil
}

func shown(st Status) RuleView {
	r := st.Rule
	s := RuleView{
		ID: r.ID, Title: r.Title, Priority: r.Priority, File: r.File, Line: r.Line, Version: r.Version,
		Kinds: append([]event.Kind{}, r.On.Kinds...), Channel: r.On.Channel,
		Types: append([]string{}, r.On.Types...), Zones: append([]string{}, r.On.Zones...),
		When: r.When, AbsentS: r.Absent.Seconds(), ForS: r.For.Seconds(), KeepS: r.Keep.Seconds(),
		Latch: r.Latch, Life: r.LifeSafety, ReAlarmS: r.ReAlarm.Seconds(), Silent: r.Silent, Procedure: r.Procedure,
		Escalates: r.Escalation, Incident: RuleIncident(r.Incident), SettleS: r.Settle.Seconds(),
		DependsOn: append([]string{}, r.DependsOn...), Scopes: append([]Scope{}, r.Scopes...), Actions: []string{},
		Pending: st.Pending, Firing: st.Firing, Raised: st.Raised, Errors: st.Errors, LastError: st.LastError,
	}
	if q := r.Quorum; q != nil {
		s.Quorum = &RuleQuorum{q.Of, q.SharePct, q.By, q.ClearBelow}
	}
	for _, a := range r.Actions {
		what := a.Type
		if a.Command != "" {
			what += " " + a.Command
		}
		s.Actions = append(s.Actions, what)
	}
	if !st.LastRaised.IsZero() {
		at := st.LastRaised.UTC()
		s.LastRaised = &at
	}
	return s
}
