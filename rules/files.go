package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// Files are the texts of a folder of rules, by name: rule files and the tests
// beside them. A Files is not changed after it has been made.
type Files map[string]string

// maxFiles bounds a folder; a wrong path must not take the hub's memory.
const maxFiles = 1000

// ReadFiles reads every *.yaml of a folder. With problems, those that could be
// read are there.
func ReadFiles(dir fs.FS) (Files, []Problem) {
	names, err := fs.Glob(dir, "*.yaml")
	if err == nil {
		_, err = fs.Stat(dir, ".")
	}
	if err != nil {
		return nil, []Problem{{File: ".", What: "the folder can't be read: " + err.Error(), Hint: "check its path and rights"}}
	}
	if len(names) > maxFiles {
		return nil, []Problem{tooMany(len(names))}
	}
	files, problems := Files{}, []Problem(nil)
	for _, name := range names {
		if i, err := fs.Stat(dir, name); err == nil && i.Size() > maxFile {
			problems = append(problems, tooLarge(name))
			continue
		}
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			problems = append(problems, Problem{File: name, What: "can't be read: " + err.Error()})
			continue
		}
		files[name] = string(text)
	}
	return files, problems
}

func tooMany(files int) Problem {
	return Problem{File: ".", What: fmt.Sprintf("the folder has %d files", files), Hint: fmt.Sprintf("at most %d: is it the right one?", maxFiles)}
}

func tooLarge(name string) Problem {
	return Problem{File: name, What: fmt.Sprintf("file is larger than %d KiB", maxFile>>10), Hint: "split it by topic"}
}

// Names are the files' names in order.
func (f Files) Names() []string { return slices.Sorted(maps.Keys(f)) }

// With is these files with others over them.
func (f Files) With(over Files) Files {
	out := maps.Clone(f)
	if out == nil {
		out = Files{}
	}
	maps.Copy(out, over)
	return out
}

// Without is these files without the named ones.
func (f Files) Without(names ...string) Files {
	out := maps.Clone(f)
	for _, n := range names {
		delete(out, n)
	}
	return out
}

// rules are the files without the tests.
func (f Files) rules() Files {
	out := Files{}
	for n, text := range f {
		if !strings.HasSuffix(n, TestSuffix) {
			out[n] = text
		}
	}
	return out
}

// Version names the rules in these files, 12 hex digits; tests don't count.
func (f Files) Version() string {
	h := sha256.New()
	rules := f.rules()
	for _, n := range rules.Names() {
		_, _ = fmt.Fprintf(h, "%q%q", n, rules[n])
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// FileHash names a file's text, 12 hex digits; "" for none.
func FileHash(text string) string {
	if text == "" {
		return ""
	}
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])[:12]
}

// Load is Load for texts.
func (f Files) Load() (*Set, []Problem) { return f.rules().load(nil) }

func (f Files) load(problems []Problem) (*Set, []Problem) {
	files := make([]file, 0, len(f))
	for _, n := range f.Names() {
		files = append(files, file{n, []byte(f[n])})
	}
	set, more := load(files, nil)
	if problems = append(problems, more...); len(problems) > 0 {
		sortProblems(problems)
		return nil, problems
	}
	return set, nil
}

// Test is Test for texts; wanted chooses the cases by their file and name, nil
// for all of them.
func (f Files) Test(wanted func(file, name string) bool) ([]TestResult, []Problem) {
	return f.test(nil, wanted)
}

func (f Files) test(problems []Problem, wanted func(file, name string) bool) ([]TestResult, []Problem) {
	set, problems := f.rules().load(problems)
	var cases []testCase
	for _, n := range f.Names() {
		if !strings.HasSuffix(n, TestSuffix) {
			continue
		}
		s := &source{file: n}
		read := readCases(s, []byte(f[n]))
		if beside := strings.TrimSuffix(n, TestSuffix) + ".yaml"; len(read) > 0 {
			if _, ok := f[beside]; !ok {
				s.add(nil, "", fmt.Sprintf("there are no rules beside it: %s", beside), "name it as the rule file that it tests")
			}
		}
		cases = append(cases, read...)
		problems = append(problems, s.problems...)
	}
	if len(problems) > 0 {
		sortProblems(problems)
		return nil, problems
	}
	results := make([]TestResult, 0, len(cases))
	for _, c := range cases {
		if wanted != nil && !wanted(c.file, c.name) {
			continue
		}
		r, err := c.play(set)
		if err != nil {
			return nil, []Problem{{File: c.file, Line: c.line, What: err.Error()}}
		}
		results = append(results, r)
	}
	return results, nil
}

// Rule reads one rule out of these files, as they were; beside is a set whose rules
// it may depend on, when that is quicker than to read them all.
func (f Files) Rule(id string, beside *Set) (*Rule, bool) {
	for _, n := range f.rules().Names() {
		if !strings.Contains(f[n], id) {
			continue
		}
		set, _ := Check(n, []byte(f[n]), beside)
		if set == nil {
			continue
		}
		if r, ok := set.Rule(id); ok {
			return r, true
		}
	}
	set, _ := f.Load()
	if set == nil {
		return nil, false
	}
	return set.Rule(id)
}
