package whep

import (
	"errors"

	"dongyue/streams"
)

// tileState is what a tile shows, for the viewer's screen.
type tileState struct {
	Mid    string          `json:"mid"`
	Camera string          `json:"camera"` // "": none
	Stream streams.Quality `json:"stream"` // that flows, or is waited for where none does
	Wanted streams.Quality `json:"wanted"` // that was asked for
	Reason streams.Reason  `json:"reason"` // why the one that flows is not the one that was asked for, "" where it is or is on its way
	State  string          `json:"state"`  // one of the below
	// Problem is the code of why the tile does not show what was asked for, as
	// GET /cameras/{id}/why has it; "" where nothing is wrong.
	Problem     string       `json:"problem"`
	ProblemText streams.Text `json:"problem_text"`
	// RTP timestamps of the first frame of this picture and of the one from which on
	// it is live; null until then. Frames from before still show what was there before.
	BegunRTP *uint32 `json:"begun_rtp"`
	LiveRTP  *uint32 `json:"live_rtp"`
}

// The states of a tile.
const (
	tileEmpty      = "empty"      // no camera
	tileConnecting = "connecting" // nothing of this camera has been sent yet
	tileReplay     = "replay"     // the newest group of pictures runs up to now
	tileLive       = "live"
	tileNoSignal   = "no_signal" // no pictures come; problem says why
)

// state tells what the tile shows.
func (t *tile) state() tileState {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := tileState{Mid: t.mid, Camera: t.wish.camera, Wanted: t.wish.stream, Reason: t.reason, State: tileEmpty}
	if s.Camera == "" {
		s.Wanted = ""
		return s
	}
	lease, show := t.shown, t.reader.Showing()
	if t.next != nil && !t.hold {
		lease, show = t.next, streams.Showing{}
	}
	if t.failed != nil || lease == nil {
		s.Stream, s.State, s.Problem = t.wish.stream, tileNoSignal, problemOf(t.failed)
		s.ProblemText = explain(s.Problem)
		return s
	}
	s.Stream, s.State, s.Problem = lease.Quality(), stateOf(lease, show), lease.Cause()
	if s.State == tileLive {
		s.Problem = ""
	}
	if s.Problem == "" && t.hold {
		s.Problem = t.next.Cause() // why the stream that was asked for does not come
	}
	if show.Begun {
		s.BegunRTP = &show.BegunTS
	}
	if show.Live {
		s.LiveRTP = &show.LiveTS
	}
	if s.Problem != "" {
		s.ProblemText = explain(s.Problem)
	}
	return s
}

func stateOf(l *streams.Lease, show streams.Showing) string {
	switch st := l.State(); {
	case st == streams.NoSignal:
		return tileNoSignal
	case st == streams.Live && show.Live:
		return tileLive
	case st == streams.Live && show.Begun:
		return tileReplay
	}
	return tileConnecting
}

// Codes of tiles whose camera could not be opened.
const (
	codeUnknown  = "camera.unknown"
	codeNotReady = "whep.not_ready"
	codeUseMSE   = "whep.use_mse"
)

func problemOf(err error) string {
	if errors.Is(err, streams.ErrUnknown) || errors.Is(err, streams.ErrGone) {
		return codeUnknown
	}
	if errors.Is(err, streams.ErrNotPlayable) {
		return codeUseMSE
	}
	return codeNotReady
}

func explain(code string) streams.Text {
	switch code {
	case codeUnknown:
		return streams.Text{ZH: "没有这台摄像机，可能已被删除：请另选一台。", EN: "No camera has this id; it may have been deleted: choose another."}
	case codeUseMSE:
		return streams.Text{ZH: "此画面为 H.265，浏览器的 WebRTC 不支持：改经 WebSocket 播放，或请在摄像机上把子码流改为 H.264。", EN: "The picture is H.265, which the browser's WebRTC does not take: it is played over a WebSocket; or set the camera's sub stream to H.264."}
	case codeNotReady:
		return streams.Text{ZH: "视频服务尚未就绪或正在停止，请稍后再试。", EN: "Video is not served yet, or no longer: try again later."}
	}
	return streams.Explain(code)
}
