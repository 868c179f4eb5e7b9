package main

import (
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"dongyue/configs"
	"dongyue/rules"
)

func rulesCommand() *cobra.Command {
	c := &cobra.Command{Use: "rules", Short: "check and test rule files"}
	c.AddCommand(
		&cobra.Command{
			Use: "check [FOLDER]", Short: "check rule files; every mistake at once, exit code 3", Args: cobra.MaximumNArgs(1),
			Example: "  dongyue rules check configs/rules",
			RunE: func(c *cobra.Command, args []string) error {
				set, problems := rules.Load(ruleFolder(args))
				if len(problems) > 0 {
					return ruleProblems(c, problems)
				}
				_, err := fmt.Fprintf(c.OutOrStdout(), "ok, %d rules\n", len(set.Rules))
				return err
			},
		},
		&cobra.Command{
			Use: "test [FOLDER]", Short: "run the *.test.yaml files beside the rules; exit code 1 when one fails", Args: cobra.MaximumNArgs(1),
			Example: "  dongyue rules test configs/rules",
			RunE: func(c *cobra.Command, args []string) error {
				results, problems := rules.Test(ruleFolder(args))
				if len(problems) > 0 {
					return ruleProblems(c, problems)
				}
				return ruleResults(c, results)
			},
		},
	)
	return c
}

// ruleFolder is the folder that was named, or the rules in the binary.
func ruleFolder(args []string) fs.FS {
	if len(args) == 1 {
		return os.DirFS(args[0])
	}
	return configs.Rules()
}

func ruleProblems(c *cobra.Command, ps []rules.Problem) error {
	for _, p := range ps {
		if _, err := fmt.Fprintln(c.ErrOrStderr(), p); err != nil {
			return err
		}
	}
	return coded{fmt.Errorf("%d mistakes", len(ps)), exitConfig}
}

func ruleResults(c *cobra.Command, results []rules.TestResult) error {
	failed := 0
	for _, r := range results {
		mark := "ok  "
		if !r.OK {
			failed++
			mark = "FAIL"
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
	if failed > 0 {
		return fmt.Errorf("%d of %d rule tests failed", failed, len(results))
	}
	return nil
}
