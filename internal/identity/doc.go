// Package identity knows who may use the hub: people with passwords, programs
// with bearer tokens, the sessions of both, what each role may do, and the
// audit chain of what was done.
//
// Duty: it answers "who is this request" and "may this role do that", and it
// ends sessions at once when somebody is switched off. It must not know what an
// action means: rooms name actions, the role table allows them, and what the
// table does not name is refused.
//
// Secrets are never kept: passwords as argon2id, session and token secrets (256
// random bits) as SHA-256. They are shown once and never logged.
//
// Concurrency: all methods may be called by any goroutine. Authenticate and
// Allowed work from memory and never wait for the database's writer, except for
// noting at most every five minutes that a session is in use. Changes are
// serialised: committed first, then visible in memory, then reported to
// Options.OnRevoked, all before the call returns.
package identity
