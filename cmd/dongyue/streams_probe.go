package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dongyue/streams"
	"dongyue/streams/probe"
)

func (k *client) probeStream() *cobra.Command {
	var transport, fingerprint string
	var wait time.Duration
	c := &cobra.Command{
		Use: "probe URL", Short: "look at a camera: what it sends, or why nothing comes; needs no hub", Args: cobra.ExactArgs(1),
		Example: "  dongyue streams probe rtsp://viewer:secret@10.1.2.3/Streaming/Channels/101\n" +
			"  dongyue streams probe rtsps://10.1.2.3/live --fingerprint 9f86d0… --for 10s --json",
		RunE: func(c *cobra.Command, args []string) error {
			t, err := streams.ParseTransport(transport)
			if err != nil {
				return coded{fmt.Errorf("--transport: %w", err), exitUsage}
			}
			print, err := streams.ParseFingerprint(fingerprint)
			if err != nil {
				return coded{fmt.Errorf("--fingerprint: %w", err), exitUsage}
			}
			// Who types the command may reach what the machine reaches.
			anywhere, err := streams.ParseNetworks([]string{"0.0.0.0/0", "::/0"})
			if err != nil {
				return err
			}
			r, err := probe.Run(c.Context(), probe.Options{
				Source: streams.Source{URL: streams.URL(args[0]), Transport: t, Fingerprint: print}, For: wait, Networks: anywhere,
			})
			if err != nil {
				return coded{err, exitUsage}
			}
			if k.asJSON {
				err = json.NewEncoder(c.OutOrStdout()).Encode(r)
			} else {
				err = printProbe(c.OutOrStdout(), r)
			}
			if err == nil && !r.OK() {
				err = errors.New(r.Answer.ZH + "\n" + r.Answer.EN + " (" + r.Code + ")")
			}
			return err
		},
	}
	c.Flags().StringVar(&transport, "transport", "auto", "tcp, udp, or auto: TCP, and UDP where the camera refuses that")
	c.Flags().StringVar(&fingerprint, "fingerprint", "", "SHA-256 of the certificate of an rtsps camera that signed its own")
	c.Flags().DurationVar(&wait, "for", 5*time.Second, "how long to look, 1s to 60s")
	return c
}

func printProbe(out io.Writer, r *probe.Report) error {
	var b strings.Builder
	if r.Transport != "" {
		fmt.Fprintf(&b, "answered after %d ms over %s", r.AnswerMS, strings.ToUpper(string(r.Transport)))
		if r.PictureMS > 0 {
			fmt.Fprintf(&b, ", first picture after %d ms", r.PictureMS)
		}
		fmt.Fprintf(&b, "; looked for %.1f s, %d packets lost\n", r.Seconds, r.Lost)
	}
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	if len(r.Tracks) > 0 {
		fmt.Fprintln(w, "TRACK\tCODEC\tPROFILE\tSIZE\tFPS\tCOUNTED\tGOP\tB-FRAMES\tKBPS")
	}
	for _, t := range r.Tracks {
		size, gop, bframes := "-", "-", "-"
		if t.Width > 0 {
			size = fmt.Sprintf("%d×%d", t.Width, t.Height)
		}
		if t.GOP > 0 {
			gop = fmt.Sprintf("%d (%.1f s)", t.GOP, float64(t.GOPMS)/1000)
		}
		if t.Frames > 0 {
			bframes = map[bool]string{true: "yes", false: "no"}[t.BFrames]
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", t.Media, t.Codec, cmp.Or(t.Profile, "-"), size, number(t.FPS), number(t.CountedFPS), gop, bframes, t.Kbps)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, a := range r.Advice {
		fmt.Fprintf(&b, "· %s %s\n", a.Text.ZH, a.Text.EN)
	}
	if r.Detail != "" {
		fmt.Fprintln(&b, r.Detail)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func number(f float64) string {
	if f == 0 {
		return "-"
	}
	return fmt.Sprintf("%.4g", f)
}
