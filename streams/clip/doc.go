// Package clip keeps evidence: the last seconds of every armed camera in memory, and
// around each alarm a clip on disk, signed, that shows what happened before it.
//
// It never decodes or encodes a picture, it judges nothing, and it never holds up a
// camera or a viewer: a camera's goroutine only hands over references.
//
// # How a clip comes about
//
// A ring holds a camera's newest pictures as fragments that begin at key frames and
// last up to 750 ms. Record marks the fragments that a clip needs; the camera's
// writer encodes each of them once, appends it to a reel and syncs. A reel is a file
// of fragmented MP4 that plays by itself, so kill -9 loses what was in memory: less
// than a second. Clips of one camera that overlap share the reel: what is recorded
// once is stored once, and three hundred alarms in a second cost what one costs.
//
// A clip is therefore a list of byte ranges. Its file, video.mp4, is put together
// when it is read: a header with an edit list that begins exactly at the wanted
// moment, and the fragments as they are. The manifest beside the reels holds the
// header, the ranges and their hashes and is signed when the clip ends. A file with
// an index in front (faststart) is made on demand, when somebody takes the clip out:
// most clips are looked at and never exported, and would otherwise be stored twice.
//
// # Continuous recording
//
// A camera that is recorded all the time has every fragment written, as if by a clip
// without an end, into the same reels. A row for each reel says from when to when it
// goes, what is missing in it, and the chain of its hashes, signed. A time line is
// made of these rows; what is played is found in the reels by the headers of their
// fragments, without an index of its own. A clip of a recording refers to the reels
// that are there, so it costs no space, and keeps them from being deleted.
//
// # Times
//
// Pictures are placed on the server's clock by the quickest of the last minute, so
// that jitter of the network does not move them. Inside a reel the camera's own
// 90 kHz clock counts; it goes on over gaps.
//
// # Concurrency
//
// Recorder's methods may be called from any goroutine. Run owns all goroutines: one
// writer for each armed camera, one that ends clips, one that arms cameras and one
// that deletes what is old. The ring's lock is held for moments only, because a
// camera's goroutine waits for it.
package clip
