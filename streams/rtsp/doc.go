// Package rtsp pulls H.264 from cameras over RTSP (RFC 2326, RFC 6184).
//
// It knows nothing of who watches: it connects once, hands over access units and
// returns. It never decides to try again; the room does. TCP comes first (RFC 2326,
// 10.12), because a site's switches drop UDP bursts and a missing packet costs a
// picture; UDP is for cameras that refuse TCP, or on request. What a camera sends
// can end its own pull only. It connects to nothing outside the networks of
// cameras, whatever a name or a redirect says.
//
// Concurrency: a Puller holds no state; Pull may run for many cameras at once.
package rtsp
