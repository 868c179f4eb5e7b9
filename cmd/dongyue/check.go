package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"dongyue/internal/config"
)

func checkCommand() *cobra.Command {
	var asJSON bool
	var sites []string
	c := &cobra.Command{
		Use:     "check [FILE...]",
		Short:   "check configuration files; every mistake at once, exit code 3",
		Example: "  dongyue check configs/dongyue.yaml",
		RunE: func(c *cobra.Command, files []string) error {
			if len(files) == 0 && len(sites) == 0 {
				files = []string{""} // the environment alone
			}
			var all config.Problems
			for _, file := range files {
				_, err := config.Load(config.Sources{File: file, Env: os.Environ()})
				if ps, ok := errors.AsType[config.Problems](err); ok {
					all = append(all, ps...)
				} else if err != nil {
					return coded{err, exitConfig}
				}
			}
			for _, file := range sites {
				b, err := os.ReadFile(file)
				if err == nil {
					_, err = config.LoadSite(file, b)
				}
				if ps, ok := errors.AsType[config.Problems](err); ok {
					all = append(all, ps...)
				} else if err != nil {
					return coded{err, exitConfig}
				}
			}
			if asJSON {
				if all == nil {
					all = config.Problems{}
				}
				if err := json.NewEncoder(c.OutOrStdout()).Encode(all); err != nil {
					return err
				}
			}
			if len(all) > 0 {
				return coded{all, exitConfig}
			}
			if !asJSON {
				_, err := fmt.Fprintln(c.OutOrStdout(), "ok")
				return err
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "the mistakes as JSON on standard output")
	c.Flags().StringArrayVar(&sites, "site", nil, "check a site file (zones, devices, cameras) too; may be repeated")
	return c
}

func configCommand() *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "the configuration's schema"}
	c.AddCommand(&cobra.Command{
		Use: "schema", Short: "print the JSON schema for editors", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			b, err := config.Schema()
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(b)
			return err
		},
	})
	return c
}
