//go:build unix

package journal

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// hold keeps a second process off the segments, which would give the same
// numbers again. The kernel lets go when the process ends, however it ends.
func hold(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is in use by another process", path), f.Close())
	}
	return f, nil
}
