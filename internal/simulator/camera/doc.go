// Package camera simulates IP cameras: one RTSP server that plays drawn scenes of
// a residential estate in real time, as rtsp://HOST/{id}/main and /{id}/sub.
//
// The scenes are encoded once (clips/make.sh) and embedded; all cameras of a
// scene share its packets, and nothing is sent for a camera that nobody plays. One that
// turns shows a part of its scene.
// It knows nothing of the hub.
//
// Concurrency: Off, On and Addr may be called from any goroutine; Run owns all
// goroutines.
package camera
