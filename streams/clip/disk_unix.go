//go:build unix

package clip

import (
	"errors"
	"syscall"
)

// freeBytes is the space that a folder's disk has left for this program.
func freeBytes(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * s.Bsize, nil //nolint:unconvert // the type differs between systems
}

// outOfSpace tells whether an error means that the disk is full.
func outOfSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, errFull)
}
