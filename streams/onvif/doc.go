// Package onvif asks cameras what RTSP does not tell: which streams they have,
// where they can be turned to, and what they notice. It finds cameras in the
// local network, turns them for the desk, and follows their events.
//
// It is a small client of the parts that cameras of many makers have (ONVIF Core,
// Media, Media2, PTZ, Events as PullPoint). Answers are bytes from outside: no
// document types or entities, bounded in size, depth and number of elements.
// Addresses in answers are taken only where they lie in the networks of cameras.
//
// Concurrency: a Client may be used from any goroutine. Room.Run owns the
// goroutines that follow events; a turning camera is stopped by a timer.
package onvif
