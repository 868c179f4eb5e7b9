package main

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"dongyue/internal/app"
)

func chargersCommand() *cobra.Command {
	c := &cobra.Command{Use: "chargers", Short: "put the judgement of charging curves to the test"}
	c.AddCommand(chargerCurves())
	return strict(c)
}

func chargerCurves() *cobra.Command {
	o := app.Curves{Workers: runtime.GOMAXPROCS(0)}
	var asJSON bool
	c := &cobra.Command{
		Use: "curves", Short: "judge drawn charging sessions, healthy and burning, and print what was found and how long ahead", Args: cobra.NoArgs,
		Long: "Draws charging sessions from the ranges in internal/simulator/packs, judges each sample as the hub does, and prints per kind of\n" +
			"battery: runaways found at least 120 s before the flame, sockets cut for nothing, and the median lead. The same seed draws the same.",
		Example: "  dongyue chargers curves\n  dongyue chargers curves --runaways 200 --normal 1000 --seed 42 --json",
		RunE: func(c *cobra.Command, _ []string) error {
			if o.Runaways < 0 || o.Normal < 0 || o.Runaways+o.Normal == 0 {
				return coded{fmt.Errorf("--runaways %d --normal %d: at least one session is wanted", o.Runaways, o.Normal), exitUsage}
			}
			r, err := o.Run(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(r)
			}
			return r.Print(c.OutOrStdout())
		},
	}
	c.Flags().IntVar(&o.Runaways, "runaways", 2000, "sessions that end in flames")
	c.Flags().IntVar(&o.Normal, "normal", 10_000, "sessions that end well")
	c.Flags().Uint64Var(&o.Seed, "seed", 1, "of the draw")
	c.Flags().BoolVar(&asJSON, "json", false, "the table as JSON on standard output")
	return c
}
