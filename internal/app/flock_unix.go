//go:build unix

package app

import (
	"os"
	"syscall"
)

// flock takes the file for this process alone; the lock ends with the process.
func flock(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
