package main

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dongyue/streams/evidence"
)

func (k *client) verifyClips() *cobra.Command {
	var keyText string
	c := &cobra.Command{
		Use:   "verify FILE|FOLDER|URL...",
		Short: "check that clips are as they were recorded; exit code 1 when one is not",
		Long: `Checks every byte of a clip against its manifest, the chain of hashes, and the signature.

FILE is an export (zip), a video with its manifest beside it, or a manifest; FOLDER holds any of
these, also the hub's own folder of clips; URL is a clip of the hub at --url.

Without --key the key is taken from the manifest. That proves that nothing was changed since it
was signed, but not who signed it: get the key from the installation, GET /api/v1/clips/key.`,
		Example: "  dongyue clips verify evidence.zip --key /media/usb/hub-key.json\n" +
			"  dongyue clips verify /var/lib/dongyue/clips --key hub\n" +
			"  dongyue clips verify http://127.0.0.1:8080/api/v1/clips/01M8H76EJYN2R7YCVAGMJZFETF",
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			key, err := k.expected(c, keyText)
			if err != nil {
				return err
			}
			all := []evidence.Report{}
			for _, arg := range args {
				rs, err := k.verify(c, arg, key)
				if err != nil {
					return err
				}
				all = append(all, rs...)
			}
			if err := k.printReports(c.OutOrStdout(), all); err != nil {
				return err
			}
			bad := 0
			for i := range all {
				if !all[i].OK {
					bad++
				}
			}
			if bad > 0 {
				return fmt.Errorf("%d of %d clips are not as they were recorded", bad, len(all))
			}
			if key == nil && !k.asJSON {
				fmt.Fprintln(c.ErrOrStderr(), "nothing was changed since it was signed; with --key it would also be sure by whom")
			}
			return nil
		},
	}
	c.Flags().StringVar(&keyText, "key", "", "public key that must have signed: base64, a file that holds it, or hub to ask the one at --url")
	return c
}

// expected is the key that must have signed; nil for any.
func (k *client) expected(c *cobra.Command, text string) (ed25519.PublicKey, error) {
	switch text {
	case "":
		return nil, nil
	case "hub":
		var answer struct {
			PublicKey ed25519.PublicKey `json:"public_key"`
		}
		if _, err := k.call(c.Context(), http.MethodGet, "/clips/key", nil, &answer); err != nil {
			return nil, err
		}
		if len(answer.PublicKey) != ed25519.PublicKeySize {
			return nil, coded{fmt.Errorf("%s did not answer as a hub does; is --url right?", k.url), exitIll}
		}
		return answer.PublicKey, nil
	}
	key, err := evidence.ParseKey(text)
	if err != nil {
		return nil, coded{fmt.Errorf("--key: %w", err), exitUsage}
	}
	return key, nil
}

func (k *client) verify(c *cobra.Command, arg string, key ed25519.PublicKey) ([]evidence.Report, error) {
	if !strings.HasPrefix(arg, "http://") && !strings.HasPrefix(arg, "https://") {
		rs, err := evidence.CheckPath(arg, key)
		if err != nil {
			return nil, coded{err, exitUsage}
		}
		return rs, nil
	}
	path, err := k.clipAt(arg)
	if err != nil {
		return nil, coded{err, exitUsage}
	}
	m, err := k.open(c.Context(), http.MethodGet, path+"/manifest.json", "", nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Body.Close() }()
	manifest, err := io.ReadAll(m.Body)
	if err != nil {
		return nil, coded{fmt.Errorf("the answer broke off: %w", err), exitIll}
	}
	v, err := k.open(c.Context(), http.MethodGet, path+"/video.mp4", "", nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = v.Body.Close() }()
	r, err := evidence.CheckStream(arg, manifest, v.Body, key)
	return []evidence.Report{r}, err
}

// clipAt is the path of a clip's address below the API. The token is for the hub at
// --url, so it is sent to no other.
func (k *client) clipAt(arg string) (string, error) {
	at, err := url.Parse(arg)
	if err != nil {
		return "", err
	}
	hub, err := url.Parse(k.url)
	if err != nil {
		return "", fmt.Errorf("--url: %w", err)
	}
	if at.Scheme != hub.Scheme || at.Host != hub.Host {
		return "", fmt.Errorf("%s is at another hub than --url %s, for which the token is: pass --url %s://%s", arg, k.url, at.Scheme, at.Host)
	}
	_, rest, ok := strings.Cut(at.Path, "/clips/")
	id, _, _ := strings.Cut(rest, "/")
	if !ok || id == "" {
		return "", fmt.Errorf("%s is no clip's address: write %s/api/v1/clips/ID", arg, strings.TrimRight(k.url, "/"))
	}
	return "/clips/" + url.PathEscape(id), nil
}

func (k *client) printReports(w io.Writer, all []evidence.Report) error {
	if k.asJSON {
		return json.NewEncoder(w).Encode(all)
	}
	for i := range all {
		r := &all[i]
		if r.OK {
			key := "key " + r.Key
			if r.Expected {
				key = "signed with the expected key"
			}
			fmt.Fprintf(w, "ok       %s: camera %s, %s to %s, %d fragments, %s\n", r.Name, r.Camera,
				r.Shows.From.UTC().Format(time.DateTime), r.Shows.To.UTC().Format(time.DateTime+" UTC"), r.Parts, key)
			continue
		}
		fmt.Fprintf(w, "ALTERED  %s\n", r.Name)
		for _, f := range r.Findings {
			fmt.Fprintf(w, "         %s\n", f.Text)
		}
	}
	return nil
}
