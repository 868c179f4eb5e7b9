package whep

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/pion/logging"
)

// logs turns the library's log into ours. Nothing of it is for an operator, so
// its warnings and errors come at debug level and the rest not at all.
type logs struct{ to *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (l logs) NewLogger(scope string) logging.LeveledLogger { return scoped{l.to, scope} }

type scoped struct { // each session has a dozen, so none has a logger of its own
	to    *slog.Logger
	scope string
}

// Trace and the others implement logging.LeveledLogger.
func (scoped) Trace(string)                {}
func (scoped) Tracef(string, ...any)       {}
func (scoped) Debug(string)                {}
func (scoped) Debugf(string, ...any)       {}
func (scoped) Info(string)                 {}
func (scoped) Infof(string, ...any)        {}
func (l scoped) Warn(m string)             { l.say(m) }
func (l scoped) Error(m string)            { l.say(m) }
func (l scoped) Warnf(f string, a ...any)  { l.say(fmt.Sprintf(f, a...)) }
func (l scoped) Errorf(f string, a ...any) { l.say(fmt.Sprintf(f, a...)) }

func (l scoped) say(what string) { l.to.Debug("webrtc library", "scope", l.scope, "says", what) }

// containsLine tells whether a text has exactly this line.
func containsLine(text, line string) bool {
	for l := range strings.Lines(text) {
		if strings.TrimRight(l, "\r\n") == line {
			return true
		}
	}
	return false
}

// afterLine is the rest of the first line that begins so, "" where there is none.
func afterLine(text, begins string) string {
	for l := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(strings.TrimRight(l, "\r\n"), begins); ok {
			return rest
		}
	}
	return ""
}
