// Package pki is the hub's own certificate authority: it signs the certificate of
// the TLS listener where none is configured, and those of devices. It keeps no
// list; which certificates are good is for devices to say.
//
// Concurrency: every method may be called from any goroutine.
package pki
