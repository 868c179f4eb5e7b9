package doorlist

import "fmt"

// Fault says why a list was not taken. The door reports it; screens translate it.
type Fault string

// The faults.
const (
	BadFormat      Fault = "bad_format"      // can't be read, or not in the one way it is written
	TooLarge       Fault = "too_large"       // beyond the bounds of this page
	MissingPart    Fault = "missing_part"    // another list began, or the time was over, before all parts were there
	WrongSum       Fault = "wrong_sum"       // the parts together are not what they say
	WrongSignature Fault = "wrong_signature" //
	WrongDoor      Fault = "wrong_door"      // signed, but for another door
	OldVersion     Fault = "old_version"     // a list from before the one in force
	WrongBase      Fault = "wrong_base"      // the difference to a list that this door does not have
	WrongHash      Fault = "wrong_hash"      // the entries are not those that were signed
	ListExpired    Fault = "list_expired"    // nothing in it is good any more
	NotYet         Fault = "not_yet"         // issued in the future: one of the two clocks is wrong
)

// RefusedError is a list that was refused whole.
type RefusedError struct {
	Fault   Fault
	Version uint64 // that it claimed, 0 when that can't be read
	Detail  string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("rights list version %d refused: %s: %s", e.Version, e.Fault, e.Detail)
}

func refuse(f Fault, version uint64, format string, args ...any) error {
	return &RefusedError{f, version, fmt.Sprintf(format, args...)}
}
