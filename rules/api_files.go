package rules

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"dongyue/internal/web"
)

// FileView is a file of the folder as the API tells it.
type FileView struct {
	Name  string   `json:"name"`
	Text  string   `json:"text"`
	Hash  string   `json:"hash" doc:"for If-Match when it is saved"`
	Rules []string `json:"rules" doc:"the ids in it; none in a test file"`
}

type fileList struct {
	Body struct {
		Version  string     `json:"set_version"`
		Writable bool       `json:"writable"`
		Items    []FileView `json:"items"`
		Next     string     `json:"next"`
	}
}

type fileSave struct {
	Name  string `path:"name" maxLength:"100"`
	Match string `header:"If-Match" doc:"hash of the file that it replaces; without it, whatever is there"`
	Force bool   `query:"force" doc:"save although tests fail; administrators only"`
	Body  struct {
		Text string `json:"text" maxLength:"262144"`
	}
}

type fileDelete struct {
	Name  string `path:"name" maxLength:"100"`
	Match string `header:"If-Match"`
	Force bool   `query:"force" doc:"although tests fail then; administrators only"`
}

type filesSave struct {
	Force bool `query:"force" doc:"save although tests fail; administrators only"`
	Body  struct {
		Files  map[string]string `json:"files,omitempty" maxProperties:"1000" doc:"by name: what each is to hold"`
		Remove []string          `json:"remove,omitempty" maxItems:"1000" doc:"names; a rule file takes its tests with it, unless files has them"`
		Match  map[string]string `json:"match,omitempty" maxProperties:"1000" doc:"by name: hash of what must be there beforehand, empty: no such file; a file that is not named may be anything"`
	}
}

type reloaded struct{ Body Reloaded }

func (o Operations) registerFiles(a *web.API) {
	web.Register(a, readOp(http.MethodGet, "/rules/files", "The rule files in force and their tests"), o.files)
	web.Register(a, writeOp(http.MethodPut, "/rules/files/{name}", "Check a file with all others, play the tests, write it and put it in force"),
		func(ctx context.Context, in *fileSave) (*reloaded, error) {
			return o.change(ctx, Saving{Name: in.Name, Text: in.Body.Text, Match: in.Match, Force: in.Force}, o.Book.Save)
		})
	web.Register(a, writeOp(http.MethodPut, "/rules/files", "Change several files as one: all of them are checked, written and put in force, or none"),
		func(ctx context.Context, in *filesSave) (*reloaded, error) {
			p, err := editor(ctx, in.Force)
			if err != nil {
				return nil, err
			}
			match := map[string]string{}
			for name, hash := range in.Body.Match {
				match[name] = strings.Trim(hash, `"`)
			}
			return answer(o.Book.Edit(ctx, Edit{Files: in.Body.Files, Remove: in.Body.Remove, Match: match, Force: in.Force, Actor: p.ID}))
		})
	web.Register(a, writeOp(http.MethodDelete, "/rules/files/{name}", "Take a file and its tests away"),
		func(ctx context.Context, in *fileDelete) (*reloaded, error) {
			return o.change(ctx, Saving{Name: in.Name, Match: in.Match, Force: in.Force}, o.Book.Delete)
		})
	web.Register(a, writeOp(http.MethodPost, "/rules/reload", "Read the folder and put it in force when it is good"),
		func(ctx context.Context, _ *struct{}) (*reloaded, error) {
			p, _ := web.Who(ctx)
			return answer(o.Book.Reload(ctx, p.ID))
		})
}

func (o Operations) files(context.Context, *struct{}) (*fileList, error) {
	st, files, ids := o.Book.State(), o.Book.Files(), map[string][]string{}
	for _, r := range o.Book.Set().Rules {
		ids[r.File] = append(ids[r.File], r.ID)
	}
	out := &fileList{}
	out.Body.Version, out.Body.Writable, out.Body.Items = st.Version, st.Writable, []FileView{}
	for _, n := range files.Names() {
		out.Body.Items = append(out.Body.Items, FileView{n, files[n], FileHash(files[n]), append([]string{}, ids[n]...)})
	}
	return out, nil
}

func (o Operations) change(ctx context.Context, s Saving, do func(context.Context, Saving) (Reloaded, error)) (*reloaded, error) {
	p, err := editor(ctx, s.Force)
	if err != nil {
		return nil, err
	}
	s.Actor, s.Match = p.ID, strings.Trim(s.Match, `"`)
	return answer(do(ctx, s))
}

// editor is who changes files.
func editor(ctx context.Context, force bool) (web.Principal, error) {
	p, _ := web.Who(ctx)
	if force && p.Role != web.Admin {
		return p, web.Fail(http.StatusForbidden, "rules.force", "only an administrator may save rules whose tests fail; mend the tests, or leave force off")
	}
	return p, nil
}

// answer puts what the book says into the words of the API.
func answer(r Reloaded, err error) (*reloaded, error) {
	if err == nil {
		return &reloaded{r}, nil
	}
	if bad, ok := errors.AsType[*BadFilesError](err); ok {
		return nil, badFiles(bad.Problems)
	}
	if failed, ok := errors.AsType[*TestsFailedError](err); ok {
		return nil, testsFailed(failed.Failed)
	}
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{ErrReadOnly, http.StatusConflict, "rules.read_only"},
		{ErrName, http.StatusUnprocessableEntity, "rules.file_name"},
		{ErrNoFile, http.StatusNotFound, "rules.no_file"},
		{ErrStale, http.StatusPreconditionFailed, "rules.file_changed"},
		{ErrNoChange, http.StatusUnprocessableEntity, "rules.no_change"},
		{ErrBoth, http.StatusUnprocessableEntity, "rules.file_twice"},
	} {
		if errors.Is(err, c.err) {
			return nil, web.Fail(c.status, c.code, err.Error())
		}
	}
	return nil, err
}

// mostErrors bounds an answer; the first mistakes are enough to go on with.
const mostErrors = 100

// badFiles is a problem with every mistake and its place.
func badFiles(ps []Problem) *web.Problem {
	p := web.Fail(http.StatusUnprocessableEntity, "rules.bad_files", fmt.Sprintf("nothing was changed: %d mistakes; errors says where", len(ps)))
	for _, x := range ps[:min(len(ps), mostErrors)] {
		what := x.What
		if x.Hint != "" {
			what += "; " + x.Hint
		}
		if x.Path != "" {
			what = x.Path + ": " + what
		}
		p.Errors = append(p.Errors, &huma.ErrorDetail{Message: what, Location: fmt.Sprintf("%s:%d:%d", x.File, x.Line, x.Col)})
	}
	return p
}

func testsFailed(rs []TestResult) *web.Problem {
	p := web.Fail(http.StatusUnprocessableEntity, "rules.tests_failed", fmt.Sprintf("nothing was changed: %d tests fail; errors says which", len(rs)))
	for _, r := range rs[:min(len(rs), mostErrors)] {
		p.Errors = append(p.Errors, &huma.ErrorDetail{
			Message: fmt.Sprintf("%s: want %q, got %q", r.Name, r.Want, r.Got), Location: fmt.Sprintf("%s:%d", r.File, r.Line),
		})
	}
	return p
}
