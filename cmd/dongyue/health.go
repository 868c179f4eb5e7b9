package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
)

// healthCommand asks a running hub; containers have no curl for it.
func healthCommand() *cobra.Command {
	var url string
	c := &cobra.Command{
		Use:     "health",
		Short:   "ask a running hub whether it is well; exit code 4 when it is not",
		Example: "  dongyue health --url http://127.0.0.1:8080",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			req, err := http.NewRequestWithContext(c.Context(), http.MethodGet, url+"/readyz?verbose", nil)
			if err != nil {
				return coded{fmt.Errorf("health: %w", err), exitUsage}
			}
			resp, err := (&http.Client{Timeout: 5 * time.Second}).Do(req)
			if err != nil {
				return coded{fmt.Errorf("health: %w", err), exitIll}
			}
			defer func() { _ = resp.Body.Close() }()
			if _, err := io.Copy(c.OutOrStdout(), io.LimitReader(resp.Body, 1<<20)); err != nil {
				return coded{fmt.Errorf("health: %w", err), exitIll}
			}
			if resp.StatusCode != http.StatusOK {
				return coded{fmt.Errorf("health: %s is not ready (%s)", url, resp.Status), exitIll}
			}
			return nil
		},
	}
	def := os.Getenv("DONGYUE_URL")
	if def == "" {
		def = "http://127.0.0.1:8080"
	}
	c.Flags().StringVar(&url, "url", def, "address of the hub (DONGYUE_URL)")
	return c
}
