//go:build !linux

package journal

import "os"

// flush waits until the file is on disk.
func flush(f *os.File) error { return f.Sync() }
