// Command dongyue is the hub: `dongyue serve` runs it, `dongyue demo` runs it with
// a simulated community, the other commands check and inspect.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set when the binary is linked.
var version = "dev"

// Exit codes, the same for every command.
const (
	exitFailure = 1 // the work failed
	exitUsage   = 2 // the command line is wrong
	exitConfig  = 3 // a configuration or rule file is wrong
	exitIll     = 4 // the hub that was asked is not well
)

// coded is an error with its exit code.
type coded struct {
	error
	code int
}

func (c coded) Unwrap() error { return c.error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:]))
}

func run(ctx context.Context, args []string) int {
	root := &cobra.Command{
		Use:           "dongyue",
		Short:         "smart-security and facilities hub of a residential community",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return coded{fmt.Errorf("%w; see %s --help", err, c.CommandPath()), exitUsage}
	})
	root.AddCommand(serveCommand(), demoCommand(), checkCommand(), rulesCommand(), healthCommand(), configCommand(), devicesCommand(), capCommand(), chargersCommand(), clipsCommand(), streamsCommand())
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, err)
	if c, ok := errors.AsType[coded](err); ok {
		return c.code
	}
	return exitFailure
}
