package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/token"
)

// Sources are where settings come from, each stronger than the one before it.
type Sources struct {
	File  string            // the file's name for messages; with Bytes nil it is read from there; empty: no file
	Bytes []byte            // the file's content
	Env   []string          // NAME=value as of os.Environ; only DONGYUE_… is looked at, an empty value is none
	Flags map[string]string // by flag name (mqtt) or path (mqtt.addr)
}

// Load reads the sources over the defaults. Every mistake is found in one run:
// the error is Problems, unless the file itself could not be read. The result is
// nil with an error: there is no half-good configuration.
func Load(s Sources) (*Config, error) {
	c := Default()
	l := loader{config: c}
	if s.Bytes == nil && s.File != "" {
		b, err := readFile(s.File)
		if err != nil {
			return nil, err
		}
		s.Bytes = b
	}
	if s.Bytes != nil {
		l.file = s.File
		if l.file == "" {
			l.file = "configuration"
		}
		l.places, l.problems = decode(l.file, s.Bytes, c)
	}
	l.env(s.Env)
	l.flags(s.Flags)
	l.check()
	if err := l.problems.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// readFile reads one byte more than parse takes, so that a disk image named by
// mistake costs no memory.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return b, nil
}

// loader lays one source over the other and remembers where a value came from.
type loader struct {
	config   *Config
	file     string
	places   map[string]*token.Token
	from     map[string]string // paths set by environment or flag, with its name
	problems Problems
}

func (l *loader) set(f Field, source, text string) {
	v := f.of(l.config)
	if l.from == nil {
		l.from = map[string]string{}
	}
	l.from[f.Path] = source
	if v.Kind() == reflect.Slice {
		v.Set(reflect.ValueOf(splitList(text)))
		return
	}
	if what, hint := setText(text, v, f.tag); what != "" {
		l.problems = append(l.problems, Problem{File: source, Path: f.Path, What: what, Hint: hint})
	}
}

func splitList(s string) []string {
	out := []string{}
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// env lays the variables over the file; the short name is stronger than the
// long one. A name that is no setting but nearly one is a mistake; any other is
// left to whoever else reads it.
func (l *loader) env(environ []string) {
	given := map[string]string{}
	for _, e := range environ {
		if name, value, ok := strings.Cut(e, "="); ok && value != "" && strings.HasPrefix(name, envPrefix) {
			given[name] = value
		}
	}
	var known []string
	for _, f := range Fields() {
		for _, name := range []string{f.Env, f.Short} {
			if name == "" {
				continue
			}
			known = append(known, name)
			if text, ok := given[name]; ok {
				l.set(f, "environment "+name, text)
				delete(given, name)
			}
		}
	}
	delete(given, envPrefix+"CONFIG") // names the file; the command line reads it
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if k := typo(name, known); k != "" {
			l.problems = append(l.problems, Problem{File: "environment " + name, What: "no such setting", Hint: "did you mean " + k + "?"})
		}
	}
}

// typo is the known name that differs by one letter from a longer name.
func typo(name string, known []string) string {
	for _, k := range known {
		if len(name) > len(envPrefix)+4 && distance(name, k) == 1 {
			return k
		}
	}
	return ""
}

func (l *loader) flags(flags map[string]string) {
	all := Fields()
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		i := slices.IndexFunc(all, func(f Field) bool { return f.Path == name || f.Flag == name })
		if i < 0 {
			l.problems = append(l.problems, Problem{File: "flag --" + name, What: "no such setting"})
			continue
		}
		l.set(all[i], "flag --"+name, flags[name])
	}
}

// problem places a mistake where the setting was last set: flag, environment,
// or the file; there at the nearest section that it has.
func (l *loader) problem(path, what, hint string) {
	if source, ok := l.from[path]; ok {
		l.problems = append(l.problems, Problem{File: source, Path: path, What: what, Hint: hint})
		return
	}
	p := Problem{File: l.file, Path: path, What: what, Hint: hint}
	if p.File == "" {
		p.File = "settings"
	}
	for up := path; up != ""; {
		if tk, ok := l.places[up]; ok {
			p.Line, p.Col = tk.Position.Line, tk.Position.Column
			break
		}
		cut := strings.LastIndexByte(up, '.')
		if cut < 0 {
			break
		}
		up = up[:cut]
	}
	l.problems = append(l.problems, p)
}
