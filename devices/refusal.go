package devices

import (
	"errors"
	"fmt"
)

// Refusal says why something that came from outside was not taken. Code is
// stable: screens translate it, quarantine records and counters carry it.
type Refusal struct {
	Code   string // "field.type", "event.unknown" …
	Detail string // names the member and what was expected
}

// Error is the detail behind the code.
func (r *Refusal) Error() string { return r.Code + ": " + r.Detail }

// The codes of refusals.
const (
	CodeTopic      = "topic.unknown"     // not dy/v1/{kind}/{device}/{up channel}
	CodeDevice     = "device.unknown"    // nobody registered it
	CodeKind       = "device.kind"       // registered as another kind
	CodeTooLarge   = "payload.too_large" // above MaxPayload
	CodeSyntax     = "payload.json"      // not one RFC 8259 object in UTF-8
	CodeDuplicate  = "payload.duplicate" // a member twice; readers would differ
	CodeNumber     = "payload.number"    // NaN, Inf, 1e309: no finite number
	CodeComplex    = "payload.complex"   // too deep or too many members
	CodeMissing    = "field.missing"     //
	CodeType       = "field.type"        // text for a number, number for a flag …
	CodeRange      = "field.range"       // a number no such device can measure
	CodeValue      = "field.value"       // a word that is not in the list, a form that is not kept
	CodeEvent      = "event.unknown"     // the kind has no such event
	CodeEventID    = "event.id"          // missing, or not 1–128 visible ASCII characters
	CodeTime       = "time.form"         // missing, or not RFC 3339
	CodeFuture     = "time.future"       // more than MaxAhead ahead of the hub
	CodeCommand    = "command.unknown"   // the kind has no such command
	CodeTTL        = "command.ttl"       // not above 0 and at most MaxTTL
	CodeKeyReused  = "command.key_reused"
	CodeNotReset   = "command.not_reset"  // cut for safety, and nobody has been there
	CodeVersion    = "desired.version"    // changed by somebody else in between
	CodeUnreadable = "payload.unreadable" // for errors that are no refusals
)

// Errors that callers tell apart.
var (
	ErrNoDevice    = errors.New("no such device")
	ErrNoCommand   = errors.New("no such command")
	ErrExists      = errors.New("device exists")
	ErrCredentials = errors.New("unknown device or wrong secret")
)

// Refuse makes a refusal; for the kinds.
func Refuse(code, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// codeOf is the refusal's code, or the one for errors that are none.
func codeOf(err error) string {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Code
	}
	return CodeUnreadable
}
