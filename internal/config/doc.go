// Package config holds every setting of the hub: its default, its meaning, what
// a change of it costs (a reload class), and the one way in which settings are
// read – file, then environment, then flags.
//
// Load is strict and reports all mistakes of a run at once, each with its line
// and column. It opens no socket, makes no folder and starts nothing; whoever
// calls it decides what a bad file means. No room imports this package: the app
// copies the values into each room's own options.
//
// A *Config is never changed after Load, so it may be shared between goroutines.
package config
