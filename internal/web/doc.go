// Package web is the HTTP ground floor: who asks (Principal), how an operation
// is registered and guarded (API), how errors look (RFC 9457 problems), and the
// feed of changes that browsers follow (server-sent events).
//
// It knows no room. Every route names the Action that it needs; a route without
// one can't be registered, and a principal without it is refused.
package web
