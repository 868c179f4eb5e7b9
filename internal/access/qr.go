package access

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"fmt"
	"time"

	"dongyue/internal/doorlist"
)

// Rotating codes are described where doors read them, too: doorlist.Code.

func refOf(m mac) doorlist.Ref { return doorlist.Ref(m[:8]) }

// CodeKey checks rotating codes.
func (x *Access) CodeKey() ed25519.PublicKey { return x.codes.Public().(ed25519.PublicKey) } //nolint:forcetypeassert // by its documentation

// signCode makes the code of a credential for the half minute of t.
func (x *Access) signCode(ref doorlist.Ref, door string, t time.Time) (string, error) {
	c := doorlist.Code{Ref: ref, Step: doorlist.StepOf(t), Scope: doorlist.ScopeOf(door)}
	if _, err := rand.Read(c.Nonce[:]); err != nil {
		return "", fmt.Errorf("make a code: %w", err)
	}
	c.Sig = [ed25519.SignatureSize]byte(ed25519.Sign(x.codes, c.Body()))
	return c.String(), nil
}

// checkCode finds out whose code it is and what is wrong with it. A code that
// does not read or is not signed by this hub is as unknown as any other value.
func (x *Access) checkCode(value, door string, t time.Time) (c doorlist.Code, holder *Credential, fault Reason) {
	c, err := doorlist.ParseCode(value)
	if err != nil || !c.Signed(x.CodeKey()) {
		return c, nil, None
	}
	switch holder = x.ix.codes[c.Ref]; {
	case holder == nil:
		return c, nil, None
	case !c.Fresh(t):
		return c, holder, QRExpired
	case !c.For(door):
		return c, holder, WrongDoor
	}
	return c, holder, None
}

// takeCode marks a code as shown; false when it was shown before.
func takeCode(ctx context.Context, tx *sql.Tx, c doorlist.Code, t time.Time) (fresh bool, err error) {
	if _, err := tx.ExecContext(ctx, "DELETE FROM access_nonces WHERE until < ?", t.UnixMilli()); err != nil {
		return false, fmt.Errorf("take code: %w", err)
	}
	res, err := tx.ExecContext(ctx, "INSERT INTO access_nonces(nonce, until) VALUES (?, ?) ON CONFLICT DO NOTHING",
		c.Body(), t.Add((2*doorlist.CodeSlack+1)*doorlist.CodeStep).UnixMilli())
	if err != nil {
		return false, fmt.Errorf("take code: %w", err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
