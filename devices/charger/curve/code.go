package curve

import "strings"

// Code is a set of findings.
type Code uint32

// The findings, by their grade.
const (
	// Told to people.
	Oscillation Code = 1 << iota // power swings by ±20 % at 1 to 10 s
	NoDecline                    // more than was expected went in and the power has not fallen
	RisesAgain                   // power fell and rises again
	Warm                         // 60 °C at the plug
	Warming                      // the plug warms steadily although the power does not grow
	Gas                          // vapour in the shed, far above its usual air

	// The session ends; nothing is wrong with the socket.
	Float    // full for longer than an hour
	TooLong  // longer than eight hours
	Overload // more than the socket is rated for

	// The socket is cut until somebody has looked.
	Swinging   // oscillation that goes on
	Overcharge // no decline, and it goes on
	SoftShort  // a rise that goes on
	Hot        // 70 °C, or 60 °C and rising by 5 K/min
	Heating    // 5 K/min for two minutes, whatever the temperature
)

const (
	ends = Float | TooLong
	cuts = Overload | Swinging | Overcharge | SoftShort | Hot | Heating
)

var names = [...]string{
	"oscillation", "no_decline", "rises_again", "warm", "warming", "gas", "float", "too_long", "overload",
	"swinging", "overcharge", "soft_short", "hot", "heating",
}

// Cuts reports whether a finding of the set wants the socket cut.
func (c Code) Cuts() bool { return c&cuts != 0 }

// Ends reports whether a finding of the set ends the session in the usual way.
func (c Code) Ends() bool { return c&ends != 0 }

// Abnormal reports whether the set speaks against the battery itself, so that it
// counts when the battery is seen again.
func (c Code) Abnormal() bool {
	return c&(Oscillation|NoDecline|RisesAgain|Swinging|Overcharge|SoftShort|Heating) != 0
}

// Each calls f with the name of every finding of the set, from the lightest on.
func (c Code) Each(f func(name string, one Code)) {
	for i, n := range names {
		if one := Code(1) << i; c&one != 0 {
			f(n, one)
		}
	}
}

// String joins the names.
func (c Code) String() string {
	var all []string
	c.Each(func(n string, _ Code) { all = append(all, n) })
	return strings.Join(all, ",")
}

// Parse finds a finding by its name.
func Parse(name string) (Code, bool) {
	for i, n := range names {
		if n == name {
			return 1 << i, true
		}
	}
	return 0, false
}
