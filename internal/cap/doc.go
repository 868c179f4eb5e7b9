// Package cap reads, checks, writes and signs messages of the Common Alerting Protocol,
// CAP 1.2 (OASIS 2010, ITU-T X.1303), with an enveloped XML signature.
//
// It must not decide what becomes of a message. Its input comes from strangers: what is
// not exactly CAP is refused with the place, nothing outside the message is ever looked
// up, and only what the signature covers is read.
//
// Concurrency: functions keep no state; Keys may be used from any goroutine.
package cap
