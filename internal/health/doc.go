// Package health says how the hub is: conditions with a name each, asked when
// somebody wants to know; /livez, /readyz and /metrics.
//
// It knows no part of the hub: each part is a function that returns why it is
// ill. It repairs nothing, stores nothing and starts nothing.
//
// Concurrency: parts are added while the hub is built, before the first request;
// everything else may be called from anywhere.
package health
