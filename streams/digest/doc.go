// Package digest answers the challenges with which cameras ask for a user and a
// password: digest (RFC 7616, and RFC 2069 as old cameras have it) and basic.
//
// RTSP and ONVIF share it, since both took the scheme from HTTP. It keeps the
// password and gives out only what a header needs; it logs nothing.
//
// Concurrency: an Account belongs to one connection, or has a lock around it.
package digest
