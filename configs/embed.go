// Package configs holds the files that come with the hub: the commented
// settings, their schema, the rules, and the cards a guard follows. It reads
// and decides nothing; whoever wants a file opens it here. Safe for concurrent
// use.
package configs

import (
	"embed"
	"io/fs"
)

//go:embed dongyue.yaml dongyue.schema.json escalation.yaml all:rules all:procedures
var files embed.FS

// Settings is dongyue.yaml: every key with its default, explained.
func Settings() []byte { return must(files.ReadFile("dongyue.yaml")) }

// Schema is the JSON Schema of the settings.
func Schema() []byte { return must(files.ReadFile("dongyue.schema.json")) }

// Rules is the folder of the rules that come with the hub.
func Rules() fs.FS { return must(fs.Sub(files, "rules")) }

// Procedures is the folder of the cards that come with the hub.
func Procedures() fs.FS { return must(fs.Sub(files, "procedures")) }

// EscalationFile is the name of Escalation.
const EscalationFile = "escalation.yaml"

// Escalation says whom the hub calls that comes without other orders.
func Escalation() []byte { return must(files.ReadFile(EscalationFile)) }

// must is for files whose presence the compiler has already checked.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
