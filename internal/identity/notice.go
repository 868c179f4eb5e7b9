package identity

// The kinds of notices.
const (
	SignInLimited = "sign_in_limited" // too many wrong passwords, at one login or from one address
	SessionReused = "session_reused"  // the token of a session that had ended
	SessionOfGone = "session_of_gone" // the same, of an account that was switched off
	AuditBroken   = "audit_broken"
)

// Notice is something that somebody at the desk should look at.
type Notice struct {
	Kind    string
	Account string // id; empty: of nobody
	Name    string // of the account
	Address string // where it came from
	Detail  string
}

// notice passes one on, with the name of its account.
func (i *Identity) notice(n Notice) {
	if u, ok := i.User(n.Account); ok {
		n.Name = u.Name
	}
	i.opt.OnNotice(n)
}
