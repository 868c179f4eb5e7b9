package journal

import (
	"os"
	"syscall"
)

// flush waits until the file's content is on disk, with the length that is
// needed to read it, but without its times.
func flush(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if err != syscall.EINTR { //nolint:errorlint // a plain number
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
