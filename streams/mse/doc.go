// Package mse serves live pictures as fragments of MP4 over a WebSocket, for
// browsers that WebRTC does not reach: where a coding is not in their WebRTC
// (H.265, AAC) or no UDP gets through. Players append what comes to a
// MediaSource (W3C Media Source Extensions).
//
// A text message with the type comes first and after each change of it, then the
// initialisation segment, then a fragment for each picture. A viewer that is too
// slow goes on at the newest key frame; it holds up nobody and costs no memory.
//
// It must not decode, and knows nothing of how cameras are reached.
//
// Concurrency: a viewer is the goroutine of its request. Run ends them all.
package mse
