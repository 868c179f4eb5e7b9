//go:build unix

package rig

import (
	"syscall"
	"time"
)

// Spent is the processor time that the program has used: unlike the clock on the
// wall it says the same on a machine that has other things to do.
func Spent() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
