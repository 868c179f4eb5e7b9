package identity

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/alexedwards/argon2id"
)

// Lengths of a password in bytes. The upper bound keeps the check's cost flat.
const (
	minPassword = 8
	maxPassword = 256
)

// hasher checks passwords, a few at a time.
type hasher struct {
	params *argon2id.Params
	slots  chan struct{}
	decoy  string // checked when there is no such user, so that the answer takes as long
}

func newHasher(p *argon2id.Params, n int) (*hasher, error) {
	decoy, err := argon2id.CreateHash(rand.Text(), p)
	if err != nil {
		return nil, fmt.Errorf("identity: password cost: %w", err)
	}
	return &hasher{params: p, slots: make(chan struct{}, n), decoy: decoy}, nil
}

func (h *hasher) create(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	hash, err := argon2id.CreateHash(password, h.params)
	if err != nil {
		return "", fmt.Errorf("identity: hash password: %w", err)
	}
	return hash, nil
}

// check compares; with an empty hash it does the same work and says no.
func (h *hasher) check(ctx context.Context, password, hash string) (bool, error) {
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	known := hash != ""
	if !known {
		hash = h.decoy
	}
	ok, err := argon2id.ComparePasswordAndHash(password, hash)
	if err != nil {
		return false, fmt.Errorf("identity: check password: %w", err)
	}
	return ok && known, nil
}

func (h *hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("identity: wait for password check: %w", ctx.Err())
	}
}

func (h *hasher) leave() { <-h.slots }

// newPassword returns 80 random bits in groups that can be read out on the phone.
func newPassword() string {
	s := strings.ToLower(rand.Text())
	return s[0:4] + "-" + s[4:8] + "-" + s[8:12] + "-" + s[12:16]
}
