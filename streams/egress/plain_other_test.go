//go:build !linux

package egress

func refuse(*Conn) {}
