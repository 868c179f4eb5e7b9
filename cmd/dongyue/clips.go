package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func clipsCommand() *cobra.Command {
	k := &client{}
	c := &cobra.Command{Use: "clips", Short: "list and take out evidence clips of a running hub, and check clips wherever they lie"}
	k.bind(c)
	c.AddCommand(k.listClips(), k.exportClip(), k.verifyClips())
	return strict(c)
}

// clipRow is what the list shows of one.
type clipRow struct {
	ID, Camera, State, Reason string
	WantedFrom                time.Time `json:"wanted_from"`
	DurationMS                int64     `json:"duration_ms"`
	Bytes                     int64
	Gaps                      []struct{}
}

func (k *client) listClips() *cobra.Command {
	var camera, alarm string
	var limit int
	c := &cobra.Command{
		Use: "list", Short: "list clips, the newest first", Args: cobra.NoArgs,
		Example: "  dongyue clips list --camera cam-01\n  dongyue clips list --alarm 01M8H76EJYN2R7YCVAGMJZFETF --json",
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 1 {
				return coded{errors.New("--limit must be at least 1"), exitUsage}
			}
			all := []json.RawMessage{}
			for v := (url.Values{}); len(all) < limit; {
				v.Set("limit", fmt.Sprint(min(limit-len(all), 1000)))
				for name, value := range map[string]string{"camera": camera, "alarm": alarm} {
					if value != "" {
						v.Set(name, value)
					}
				}
				var page struct {
					Items []json.RawMessage
					Next  string
				}
				if _, err := k.call(c.Context(), http.MethodGet, "/clips?"+v.Encode(), nil, &page); err != nil {
					return err
				}
				all = append(all, page.Items...)
				if page.Next == "" {
					break
				}
				v.Set("cursor", page.Next)
			}
			if k.asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(all)
			}
			return printClips(c.OutOrStdout(), all)
		},
	}
	c.Flags().StringVar(&camera, "camera", "", "of this camera")
	c.Flags().StringVar(&alarm, "alarm", "", "of this alarm")
	c.Flags().IntVar(&limit, "limit", 100, "how many at most")
	return c
}

func printClips(out io.Writer, all []json.RawMessage) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tCAMERA\tFROM\tSECONDS\tMB\tGAPS\tSTATE\tREASON")
	for _, b := range all {
		var x clipRow
		if err := json.Unmarshal(b, &x); err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%.1f\t%.1f\t%d\t%s\t%s\n", x.ID, x.Camera, x.WantedFrom.Format(time.DateTime),
			float64(x.DurationMS)/1000, float64(x.Bytes)/1e6, len(x.Gaps), x.State, x.Reason)
	}
	return w.Flush()
}

func (k *client) exportClip() *cobra.Command {
	var out, reason string
	c := &cobra.Command{
		Use: "export ID", Short: "take a clip out of the hub, as a zip with video, manifest and how to check them", Args: cobra.ExactArgs(1),
		Example: `  dongyue clips export 01M8H76EJYN2R7YCVAGMJZFETF -o evidence.zip --reason "police, case 1107"`,
		RunE: func(c *cobra.Command, args []string) (err error) {
			if out == "" || reason == "" {
				return coded{errors.New("-o FILE and --reason are needed; the reason goes into the audit and the export"), exitUsage}
			}
			body, err := json.Marshal(map[string]string{"reason": reason})
			if err != nil {
				return err
			}
			resp, err := k.open(c.Context(), http.MethodPost, "/clips/"+url.PathEscape(args[0])+"/export", "application/json", body)
			if err != nil {
				return err
			}
			defer func() { _ = resp.Body.Close() }()
			f, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if err != nil {
				return coded{err, exitUsage}
			}
			n, err := io.Copy(f, resp.Body)
			if cerr := f.Close(); err == nil {
				err = cerr
			}
			if err != nil {
				return coded{fmt.Errorf("the export broke off: %w", errors.Join(err, os.Remove(out))), exitIll}
			}
			fmt.Fprintf(c.ErrOrStderr(), "%s: %.1f MB\n", out, float64(n)/1e6)
			return nil
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "file to write; it must not exist")
	c.Flags().StringVar(&reason, "reason", "", "why it is taken out")
	return c
}
