package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func streamsCommand() *cobra.Command {
	k := &client{}
	c := &cobra.Command{Use: "streams", Short: "list the cameras of a running hub, and look at a camera without one"}
	k.bind(c)
	c.AddCommand(k.listStreams(), k.probeStream())
	return strict(c)
}

// streamRow is what the list shows of one stream.
type streamRow struct {
	Codec                             string
	Width, Height, FPS, Kbps, Viewers int
	State                             string
}

// cameraRow is what it shows of a camera.
type cameraRow struct {
	ID, Name, Zone, State, Error string
	Main                         streamRow
	Sub                          *streamRow
	ErrorText                    struct{ ZH, EN string } `json:"error_text"`
}

func (k *client) listStreams() *cobra.Command {
	var zone, state string
	c := &cobra.Command{
		Use: "list", Short: "list cameras and their streams: state, coding, rates, viewers and what is wrong", Args: cobra.NoArgs,
		Example: "  dongyue streams list\n  dongyue streams list --state no_signal --json",
		RunE: func(c *cobra.Command, _ []string) error {
			all := []json.RawMessage{}
			v := url.Values{"limit": {"1000"}}
			if zone != "" {
				v.Set("zone", zone)
			}
			for {
				var page struct {
					Items []json.RawMessage
					Next  string
				}
				if _, err := k.call(c.Context(), http.MethodGet, "/cameras?"+v.Encode(), nil, &page); err != nil {
					return err
				}
				for _, b := range page.Items {
					var x cameraRow
					if err := json.Unmarshal(b, &x); err != nil {
						return err
					}
					if state == "" || x.State == state {
						all = append(all, b)
					}
				}
				if page.Next == "" {
					break
				}
				v.Set("cursor", page.Next)
			}
			if k.asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(all)
			}
			return printStreams(c.OutOrStdout(), all)
		},
	}
	c.Flags().StringVar(&zone, "zone", "", "this zone and below, as east/b01")
	c.Flags().StringVar(&state, "state", "", "only those: idle, connecting, live or no_signal")
	return c
}

func printStreams(out io.Writer, all []json.RawMessage) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "CAMERA\tSTREAM\tSTATE\tCODEC\tSIZE\tFPS\tKBPS\tVIEWERS\tWHAT IS WRONG")
	for _, b := range all {
		var x cameraRow
		if err := json.Unmarshal(b, &x); err != nil {
			return err
		}
		row := func(q string, s *streamRow, wrong string) {
			size := "-"
			if s.Width > 0 {
				size = fmt.Sprintf("%d×%d", s.Width, s.Height)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", x.ID, q, s.State, cmp.Or(s.Codec, "-"), size, s.FPS, s.Kbps, s.Viewers, wrong)
		}
		wrong := ""
		if x.Error != "" {
			wrong = x.Error + ": " + x.ErrorText.EN
		}
		row("main", &x.Main, wrong)
		if x.Sub != nil {
			row("sub", x.Sub, "")
		}
	}
	return w.Flush()
}
