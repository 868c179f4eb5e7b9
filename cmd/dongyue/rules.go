package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"regexp"

	"github.com/spf13/cobra"

	"dongyue/configs"
	"dongyue/internal/event"
	"dongyue/rules"
)

func rulesCommand() *cobra.Command {
	c := &cobra.Command{Use: "rules", Short: "check, test and replay rule files; reload them; explain an alarm"}
	c.AddCommand(rulesCheck(), rulesTest(), rulesSchema(), rulesReplay(), rulesReload(), rulesExplain())
	return strict(c)
}

func rulesCheck() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "check [FOLDER]", Short: "check rule files; every mistake at once, exit code 3", Args: cobra.MaximumNArgs(1),
		Example: "  dongyue rules check configs/rules",
		RunE: func(c *cobra.Command, args []string) error {
			set, problems := rules.Load(ruleFolder(args))
			if len(problems) > 0 {
				return ruleProblems(c, problems, asJSON)
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode([]rules.Problem{})
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "ok, %d rules\n", len(set.Rules))
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "the mistakes as JSON on standard output")
	return c
}

func rulesTest() *cobra.Command {
	var asJSON bool
	var only string
	c := &cobra.Command{
		Use: "test [FOLDER]", Short: "run the *.test.yaml files beside the rules; exit code 1 when one fails", Args: cobra.MaximumNArgs(1),
		Example: "  dongyue rules test configs/rules\n  dongyue rules test configs/rules --run 'charger.*cut'",
		RunE: func(c *cobra.Command, args []string) error {
			wanted, err := regexp.Compile(only)
			if err != nil {
				return coded{fmt.Errorf("--run: %w", err), exitUsage}
			}
			files, problems := rules.ReadFiles(ruleFolder(args))
			if len(problems) > 0 {
				return ruleProblems(c, problems, asJSON)
			}
			results, problems := files.Test(func(file, name string) bool { return wanted.MatchString(file + ": " + name) })
			if len(problems) > 0 {
				return ruleProblems(c, problems, asJSON)
			}
			if len(results) == 0 && only != "" {
				return coded{fmt.Errorf("--run %q: no case has such a name", only), exitUsage}
			}
			return ruleResults(c, results, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "the results as JSON on standard output")
	c.Flags().StringVar(&only, "run", "", "only the cases whose \"FILE: NAME\" matches this regular expression")
	return c
}

func rulesSchema() *cobra.Command {
	var tests bool
	c := &cobra.Command{
		Use: "schema", Short: "print the JSON schema of rule files for editors", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			schema := rules.Schema
			if tests {
				schema = rules.TestSchema
			}
			b, err := schema()
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(b)
			return err
		},
	}
	c.Flags().BoolVar(&tests, "test", false, "that of *.test.yaml files")
	return c
}

func rulesReload() *cobra.Command {
	k := &client{}
	c := &cobra.Command{
		Use: "reload", Short: "have a running hub read its rule files again; with a bad one the set in force goes on, exit code 3", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var r rules.Reloaded
			raw, err := k.call(c.Context(), http.MethodPost, "/rules/reload", nil, &r)
			if bad, ok := errors.AsType[*refusal](err); ok && bad.Code == "rules.bad_files" {
				return coded{err, exitConfig}
			}
			if err != nil {
				return err
			}
			switch {
			case k.asJSON:
				_, err = c.OutOrStdout().Write(raw)
			case r.Changed:
				_, err = fmt.Fprintf(c.OutOrStdout(), "version %s is in force: %d rules; the judgement stood still for %.1f ms\n", r.Version, r.Rules, r.StillMS)
			default:
				_, err = fmt.Fprintf(c.OutOrStdout(), "version %s is in force already: %d rules\n", r.Version, r.Rules)
			}
			return err
		},
	}
	k.bind(c)
	return c
}

// ruleFolder is the folder that was named, or the rules in the binary.
func ruleFolder(args []string) fs.FS {
	if len(args) == 1 {
		return os.DirFS(args[0])
	}
	return configs.Rules()
}

func ruleProblems(c *cobra.Command, ps []rules.Problem, asJSON bool) error {
	if asJSON {
		if err := json.NewEncoder(c.OutOrStdout()).Encode(ps); err != nil {
			return err
		}
	}
	for _, p := range ps {
		if _, err := fmt.Fprintln(c.ErrOrStderr(), p); err != nil {
			return err
		}
	}
	return coded{fmt.Errorf("%d mistakes", len(ps)), exitConfig}
}

func ruleResults(c *cobra.Command, results []rules.TestResult, asJSON bool) error {
	failed := 0
	for _, r := range results {
		mark := "ok  "
		if !r.OK {
			failed++
			mark = "FAIL"
		}
		if asJSON {
			continue
		}
		if _, err := fmt.Fprintf(c.OutOrStdout(), "%s %s:%d: %s\n", mark, r.File, r.Line, r.Name); err != nil {
			return err
		}
		if !r.OK {
			if _, err := fmt.Fprintf(c.OutOrStdout(), "     want %q\n     got  %q\n", r.Want, r.Got); err != nil {
				return err
			}
		}
	}
	if asJSON {
		if err := json.NewEncoder(c.OutOrStdout()).Encode(append([]rules.TestResult{}, results...)); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d rule tests failed", failed, len(results))
	}
	return nil
}

// speak picks the language of the terminal.
func speak(t event.Text) string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			if len(v) >= 2 && v[:2] == "zh" {
				return t.ZH
			}
			break
		}
	}
	return t.EN
}
