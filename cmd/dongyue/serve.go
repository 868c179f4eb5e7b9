package main

import (
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dongyue/internal/app"
	"dongyue/internal/config"
)

func serveCommand() *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use:     "serve",
		Short:   "run the hub",
		Example: "  dongyue serve --config /etc/dongyue/dongyue.yaml --data /var/lib/dongyue",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return s.run(c, nil)
		},
	}
	s.bind(c.Flags())
	return c
}

func demoCommand() *cobra.Command {
	var s settings
	var demo app.Demo
	c := &cobra.Command{
		Use:   "demo",
		Short: "run the hub with a simulated community: real devices' protocols, real cameras' streams",
		Example: "  dongyue demo\n" +
			"  dongyue demo --quiet --data /tmp/demo --http 127.0.0.1:8090",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return s.run(c, &demo)
		},
	}
	s.bind(c.Flags())
	c.Flags().BoolVar(&demo.Quiet, "quiet", false, "no scripted incidents and no residents that come and go")
	return c
}

// settings are the flags that lie over the configuration file.
type settings struct {
	file  string
	flags *pflag.FlagSet
}

func (s *settings) bind(f *pflag.FlagSet) {
	s.flags = f
	f.StringVar(&s.file, "config", os.Getenv("DONGYUE_CONFIG"), "configuration file (DONGYUE_CONFIG)")
	for _, field := range config.Fields() {
		if field.Flag != "" {
			f.String(field.Flag, "", field.Doc)
		}
	}
}

func (s *settings) load() (*config.Config, error) {
	given := map[string]string{}
	for _, field := range config.Fields() {
		if f := s.flags.Lookup(field.Flag); field.Flag != "" && f != nil && f.Changed {
			given[field.Flag] = f.Value.String()
		}
	}
	cfg, err := config.Load(config.Sources{File: s.file, Env: os.Environ(), Flags: given})
	if err != nil {
		return nil, coded{err, exitConfig}
	}
	return cfg, nil
}

func (s *settings) run(c *cobra.Command, demo *app.Demo) error {
	cfg, err := s.load()
	if err != nil {
		return err
	}
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	a, err := app.New(c.Context(), app.Options{
		Config: cfg, Version: version, Log: logger(cfg.Log), Demo: demo, Reload: reload,
		Out: c.OutOrStdout(), Progress: c.ErrOrStderr(),
	})
	if _, ok := errors.AsType[app.ConfigError](err); ok {
		return coded{err, exitConfig}
	}
	if err != nil {
		return err
	}
	return errors.Join(a.Run(c.Context()), a.Close())
}

func logger(l config.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(l.Level)) // config has checked it
	o := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}
