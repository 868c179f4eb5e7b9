package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// sent is a command as the hub shows it.
type sent struct {
	ID, Device, Type, Status, Error string
}

func (s *sent) final() bool {
	return s.Status == "done" || s.Status == "failed" || s.Status == "expired"
}

func (k *client) send() *cobra.Command {
	var ttl time.Duration
	var wait bool
	c := &cobra.Command{
		Use: "send ID TYPE [ARGS]", Short: "tell a device to do something; ARGS is a JSON object", Args: cobra.RangeArgs(2, 3),
		Example: "  dongyue devices send door-e01-1 unlock '{\"for_s\":5}' --wait\n  dongyue devices send lamp-e001 dim '{\"pct\":40}' --ttl 1m",
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{"type": args[1], "ttl_s": ttl.Seconds()}
			if len(args) == 3 {
				var members map[string]any
				if err := json.Unmarshal([]byte(args[2]), &members); err != nil {
					return coded{fmt.Errorf("ARGS is no JSON object, such as '{\"for_s\":5}': %w", err), exitUsage}
				}
				body["args"] = members
			}
			var s sent
			path := "/devices/" + url.PathEscape(args[0]) + "/commands"
			raw, err := k.call(c.Context(), http.MethodPost, path, body, &s)
			for err == nil && wait && !s.final() {
				if err = pause(c.Context(), 100*time.Millisecond); err == nil {
					raw, err = k.call(c.Context(), http.MethodGet, path+"/"+s.ID, nil, &s)
				}
			}
			if err != nil {
				return err
			}
			if k.asJSON {
				if _, err := c.OutOrStdout().Write(raw); err != nil {
					return err
				}
			} else {
				fmt.Fprintln(c.OutOrStdout(), strings.TrimSpace(fmt.Sprintf("%s %s %s", s.ID, s.Status, s.Error)))
			}
			if wait && s.Status != "done" {
				return fmt.Errorf("%s: %s %s", s.Device, s.Status, s.Error)
			}
			return nil
		},
	}
	c.Flags().DurationVar(&ttl, "ttl", 10*time.Second, "the device must get it within this time, or never")
	c.Flags().BoolVar(&wait, "wait", false, "wait for the device's answer; exit code 1 unless it is done")
	return c
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (k *client) enrol() *cobra.Command {
	var out, csr string
	var days int
	c := &cobra.Command{
		Use: "enrol ID", Short: "issue a client certificate for a device and write it to files", Args: cobra.ExactArgs(1),
		Example: "  dongyue devices enrol door-e01-1 --out certs\n  dongyue devices enrol door-e01-1 --csr door.csr --out certs",
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{}
			if days > 0 {
				body["days"] = days
			}
			if csr != "" {
				b, err := os.ReadFile(csr)
				if err != nil {
					return coded{fmt.Errorf("--csr: %w", err), exitUsage}
				}
				body["csr"] = string(b)
			}
			id := args[0]
			if id != filepath.Base(id) || strings.HasPrefix(id, ".") {
				return coded{fmt.Errorf("%q is no device's id", id), exitUsage}
			}
			// Before the certificate is issued: what can't be kept must not be made.
			if err := os.MkdirAll(out, 0o700); err != nil {
				return fmt.Errorf("--out: %w", err)
			}
			var got struct {
				Serial, Certificate, Key, CA string
				NotAfter                     string `json:"not_after"`
			}
			raw, err := k.call(c.Context(), http.MethodPost, "/devices/"+url.PathEscape(id)+"/certificate", body, &got)
			if err != nil {
				return err
			}
			files := []struct{ name, text string }{{id + ".crt", got.Certificate}, {id + ".key", got.Key}, {"ca.crt", got.CA}}
			for _, f := range files {
				if f.text == "" {
					continue
				}
				if err := os.WriteFile(filepath.Join(out, f.name), []byte(f.text), 0o600); err != nil {
					return fmt.Errorf("certificate %s was issued and could not be kept, revoke it: %w", got.Serial, err)
				}
			}
			if k.asJSON {
				_, err := c.OutOrStdout().Write(raw)
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: serial %s, good until %s\n", filepath.Join(out, id+".crt"), got.Serial, got.NotAfter)
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", ".", "folder for ID.crt, ID.key and ca.crt")
	c.Flags().StringVar(&csr, "csr", "", "PEM file of a request (PKCS #10) that the device made; its key then never leaves it")
	c.Flags().IntVar(&days, "days", 0, "how long it is good; without it 825")
	return c
}

// content is the type of a file by its name.
func content(name string) string {
	if ext := strings.ToLower(filepath.Ext(name)); ext == ".yaml" || ext == ".yml" {
		return "application/yaml"
	}
	return "text/csv"
}

func (k *client) load() *cobra.Command {
	return &cobra.Command{
		Use: "import FILE", Short: "register the devices of a CSV file, or of a site file (*.yaml); exit code 3 when rows are bad", Args: cobra.ExactArgs(1),
		Example: "  dongyue devices import devices.csv\n  dongyue devices import site.yaml --json > secrets.json",
		RunE: func(c *cobra.Command, args []string) error {
			b, err := os.ReadFile(args[0])
			if err != nil {
				return coded{err, exitUsage}
			}
			resp, err := k.open(c.Context(), http.MethodPost, "/devices/import", content(args[0]), b)
			if err != nil {
				return err
			}
			defer func() { _ = resp.Body.Close() }()
			raw, err := io.ReadAll(resp.Body)
			if err != nil {
				return coded{fmt.Errorf("the answer broke off: %w", err), exitIll}
			}
			var done struct {
				Created, Updated int
				Errors           []struct {
					Line       int
					ID, Detail string
				}
				Secrets []struct{ ID, Secret string }
			}
			if err := json.Unmarshal(raw, &done); err != nil {
				return coded{err, exitIll}
			}
			if k.asJSON {
				if _, err := c.OutOrStdout().Write(raw); err != nil {
					return err
				}
			} else {
				for _, s := range done.Secrets {
					fmt.Fprintf(c.OutOrStdout(), "%s\t%s\n", s.ID, s.Secret)
				}
				fmt.Fprintf(c.ErrOrStderr(), "%d created, %d updated\n", done.Created, done.Updated)
			}
			for _, e := range done.Errors {
				fmt.Fprintf(c.ErrOrStderr(), "%s:%d: %s: %s\n", args[0], e.Line, e.ID, e.Detail)
			}
			if n := len(done.Errors); n > 0 {
				return coded{fmt.Errorf("%d rows were not taken", n), exitConfig}
			}
			return nil
		},
	}
}

func (k *client) save() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "export", Short: "write all devices as CSV, or with their zones as a site file; never their secrets", Args: cobra.NoArgs,
		Example: "  dongyue devices export > devices.csv\n  dongyue devices export --format yaml > site.yaml",
		RunE: func(c *cobra.Command, _ []string) error {
			if format != "csv" && format != "yaml" {
				return coded{errors.New("--format: csv or yaml"), exitUsage}
			}
			resp, err := k.open(c.Context(), http.MethodGet, "/devices/export?format="+format, "", nil)
			if err != nil {
				return err
			}
			defer func() { _ = resp.Body.Close() }()
			if _, err := io.Copy(c.OutOrStdout(), resp.Body); err != nil {
				return coded{fmt.Errorf("the answer broke off: %w", err), exitIll}
			}
			return nil
		},
	}
	c.Flags().StringVar(&format, "format", "csv", "csv or yaml")
	return c
}
