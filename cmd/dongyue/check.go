package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"dongyue/internal/config"
)

func checkCommand() *cobra.Command {
	var asJSON bool
	var sites, cards []string
	c := &cobra.Command{
		Use:     "check [FILE...]",
		Short:   "check configuration files, and the procedure cards that they name; every mistake at once, exit code 3",
		Example: "  dongyue check configs/dongyue.yaml\n  dongyue check --procedures /etc/dongyue/procedures",
		RunE: func(c *cobra.Command, files []string) error {
			if len(files) == 0 && len(sites) == 0 && len(cards) == 0 {
				files = []string{""} // the environment alone
			}
			var all config.Problems
			for _, file := range files {
				cfg, err := config.Load(config.Sources{File: file, Env: os.Environ()})
				if err == nil && cfg.Procedures.Dir != "" {
					cards = append(cards, cfg.Procedures.Dir)
				}
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
			for _, dir := range cards {
				ps, err := checkCards(dir)
				if err != nil {
					return coded{err, exitConfig}
				}
				all = append(all, ps...)
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
	c.Flags().StringArrayVar(&cards, "procedures", nil, "check a folder of procedure cards too; may be repeated")
	c.Flags().StringArrayVar(&sites, "site", nil, "check a site file (zones, devices, cameras) too; may be repeated")
	return c
}

// checkCards reads a folder of cards; where they stand is said with the folder.
func checkCards(dir string) (config.Problems, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("procedures: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("procedures: %s is no folder", dir)
	}
	_, err := config.LoadProcedures(os.DirFS(dir))
	ps, ok := errors.AsType[config.Problems](err)
	if !ok {
		return nil, err
	}
	for i := range ps {
		ps[i].File = filepath.Join(dir, ps[i].File)
	}
	return ps, nil
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
