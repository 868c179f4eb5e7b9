package main

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"dongyue/internal/cap"
)

func capCommand() *cobra.Command {
	c := &cobra.Command{Use: "cap", Short: "check and sign messages of the authorities (CAP 1.2)"}
	c.AddCommand(capVerify(), capSign())
	return strict(c)
}

func capVerify() *cobra.Command {
	var keys string
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify FILE",
		Short: "tell whether the hub would believe a message; exit code 1 when it would not",
		Long:  "Reads a message as the hub does: its form, its signature, and that the key speaks for its sender. - reads the standard input.",
		Example: "  dongyue cap verify warning.xml --keys /etc/dongyue/official\n" +
			"  dongyue cap verify - --keys keys --json < warning.xml",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if keys == "" {
				return coded{errors.New("--keys is needed: the folder of certificates that are believed"), exitUsage}
			}
			k, err := cap.LoadKeys(keys)
			if err != nil {
				return coded{err, exitConfig}
			}
			b, err := readMessage(c.InOrStdin(), args[0])
			if err != nil {
				return coded{err, exitUsage}
			}
			m, err := k.Open(b, time.Now())
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(m)
			}
			fmt.Fprintf(c.OutOrStdout(), "ok       %s: %s of %s, %s, %s, sent %s\n", args[0], m.MsgType, m.Sender, m.Identifier, m.Status, m.Sent.Format(time.RFC3339))
			return nil
		},
	}
	c.Flags().StringVar(&keys, "keys", "", "folder of *.pem certificates, as official.keys")
	c.Flags().BoolVar(&asJSON, "json", false, "print the message as JSON")
	return c
}

func capSign() *cobra.Command {
	var cert, key string
	c := &cobra.Command{
		Use:     "sign FILE",
		Short:   "sign a message and print it; for exercises and for trying the line out",
		Long:    "The certificate's common name must be the sender of the message. - reads the standard input.",
		Example: "  dongyue cap sign exercise.xml --cert met.pem --key met.key > signed.xml",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			pair, err := tls.LoadX509KeyPair(cert, key)
			if err != nil {
				return coded{fmt.Errorf("--cert, --key: %w", err), exitUsage}
			}
			s, err := cap.NewSigner(pair)
			if err != nil {
				return coded{fmt.Errorf("--key: %w", err), exitUsage}
			}
			b, err := readMessage(c.InOrStdin(), args[0])
			if err != nil {
				return coded{err, exitUsage}
			}
			out, err := s.SignXML(b)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			_, err = c.OutOrStdout().Write(append(out, '\n'))
			return err
		},
	}
	c.Flags().StringVar(&cert, "cert", "", "PEM file of the certificate")
	c.Flags().StringVar(&key, "key", "", "PEM file of its key: RSA, or ECDSA on P-256 or P-384")
	return c
}

// readMessage reads no more than a message may have.
func readMessage(in io.Reader, name string) ([]byte, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, cap.MaxBytes+1))
}
