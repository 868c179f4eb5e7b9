//go:build !unix

package rig

import "time"

// Spent stands in where the processor's time can't be read.
func Spent() time.Duration { return time.Duration(time.Now().UnixNano()) }
