package streams

import (
	"errors"
	"time"

	"dongyue/internal/event"
)

// Text is a sentence in the languages of the screens.
type Text = event.Text

// causes maps what went wrong to a stable code and to what a person can do. The
// order matters: the first that matches is told.
func causes() []struct {
	err  error
	code string
	text Text
} {
	return []struct {
		err  error
		code string
		text Text
	}{
		{ErrUnreachable, "camera.unreachable", Text{
			ZH: "摄像机没有应答：请检查电源、网线和网络地址。", EN: "The camera does not answer: check its power, cable and network address."}},
		{ErrAuth, "camera.auth", Text{
			ZH: "摄像机拒绝了用户名或密码：请在摄像机设置中更新登录信息。", EN: "The camera refuses the user name or password: update them in the camera's settings here."}},
		{ErrNetwork, "camera.network", Text{
			ZH: "摄像机地址不在允许的网段内：请改用允许的地址，或由管理员在配置 cameras.networks 中加入该网段。", EN: "The camera's address is outside the networks that cameras may be in: use another one, or have its network added to cameras.networks in the configuration."}},
		{ErrCertificate, "camera.certificate", Text{
			ZH: "摄像机的 TLS 证书不受信任：核对下列指纹，确认无误后填入摄像机的证书指纹。", EN: "The camera's TLS certificate is not trusted: compare the fingerprint below with the camera's, and if it is the same, register it with the camera."}},
		{ErrLimit, "camera.limit", Text{
			ZH: "本枢纽与这台录像机的连接数已达设定上限：请关闭其他画面，或提高 cameras.sessions_per_host。", EN: "The hub has as many sessions with this recorder as it may: close other pictures, or raise cameras.sessions_per_host."}},
		{ErrFull, "camera.busy", Text{
			ZH: "录像机的连接数已满，稍后自动重试：请关闭其他播放，或用 cameras.sessions_per_host 限制枢纽的连接数。", EN: "The recorder has no session left; the hub tries again shortly: close other players, or set cameras.sessions_per_host to what it can serve."}},
		{ErrNotNow, "camera.busy", Text{
			ZH: "摄像机或录像机暂时无法提供画面，稍后自动重试：可能正在启动，或连接数已满。", EN: "The camera or recorder can't serve now and is asked again shortly: it may be starting, or have no session left."}},
		{ErrNotFound, "camera.path", Text{
			ZH: "摄像机上没有这个码流路径：请按说明书核对 RTSP 地址。", EN: "The camera has no stream at this path: compare the RTSP address with its manual."}},
		{ErrNoVideo, "camera.codec", Text{
			ZH: "摄像机既没有提供 H.264 画面，也没有提供 H.265 画面：请在摄像机上把编码改为 H.264。", EN: "The camera offers neither H.264 nor H.265: set its encoder to H.264."}},
		{ErrSilent, "camera.silent", Text{
			ZH: "已连上摄像机，但没有画面传来：请重启摄像机。", EN: "The camera is connected but sends no pictures: restart the camera."}},
		{ErrRefused, "camera.refused", Text{
			ZH: "摄像机拒绝了取流：可能连接数已满，请关闭其他播放或稍后再试。", EN: "The camera refuses the stream: it may have too many connections; close other players or wait."}},
		{errNoParams, "camera.no_params", Text{
			ZH: "画面缺少参数集，无法解码：请更新摄像机固件或重启编码器。", EN: "The stream lacks its parameter sets and can't be decoded: update the camera's firmware or restart its encoder."}},
	}
}

// Codes that are not in causes.
const (
	codeFailed  = "camera.failed"     // it broke the stream off
	codeFirst   = "camera.not_pulled" // nobody had asked for pictures
	codeDamaged = "camera.damaged"    // packets were lost or could not be read
	codeSignal  = "camera.no_signal"  // none came, and nobody knows why
)

// Explain says in words what the code of a cause means, as Frame.After has it.
func Explain(code string) Text {
	for _, c := range causes() {
		if c.code == code {
			return c.text
		}
	}
	switch code {
	case codeFirst:
		return Text{ZH: "此前没有取流。", EN: "The camera was not pulled before."}
	case codeDamaged:
		return Text{ZH: "数据包丢失或损坏，等待下一个关键帧。", EN: "Packets were lost or damaged; the next key frame was waited for."}
	case codeSignal:
		return silentText()
	}
	return brokenText()
}

func silentText() Text {
	return Text{ZH: "已有数秒没有画面，正在等待摄像机。", EN: "No pictures for some seconds; waiting for the camera."}
}

func brokenText() Text {
	return Text{ZH: "摄像机中断了码流，正在重新连接。", EN: "The camera broke the stream off; the hub is connecting again."}
}

// cause tells why a stream shows nothing; "" when nothing is wrong.
func cause(p *path) (code string, text Text) {
	st := p.state()
	if st.err == nil && st.state != NoSignal {
		return "", Text{}
	}
	for _, err := range []error{st.err, st.ingest.lastLost} {
		for _, c := range causes() {
			if err != nil && errors.Is(err, c.err) {
				return c.code, c.text
			}
		}
	}
	if st.err != nil {
		return codeFailed, brokenText()
	}
	return codeSignal, silentText()
}

// Why is the answer to "why is this tile black?".
type Why struct {
	ID      string      `json:"id"`
	State   State       `json:"state"`
	Code    string      `json:"code"`   // of the answer; "camera.live", "camera.idle" when nothing is wrong
	Answer  Text        `json:"answer"` // what a person should know or do
	Streams []WhyStream `json:"streams"`
}

// WhyStream is what is known of one stream.
type WhyStream struct {
	Quality Quality `json:"stream"`
	Status
	Code          string     `json:"code"`
	Answer        Text       `json:"answer"`
	Detail        string     `json:"detail"`   // the technical error, without the address
	Attempts      int        `json:"attempts"` // since the last good connection
	LastAttemptAt *time.Time `json:"last_attempt_at"`
	NextAttemptAt *time.Time `json:"next_attempt_at"`
	LastFrameAt   *time.Time `json:"last_frame_at"`
	Frames        uint64     `json:"frames"`          // since the hub started
	Damaged       uint64     `json:"damaged"`         // units thrown away in this connection
	LeftOut       uint64     `json:"left_out"`        // B-frames not passed on in this connection
	CountedFPS    int        `json:"counted_fps"`     //
	KeyIntervalMS int64      `json:"key_interval_ms"` // between the last two key frames
}

// Why explains a camera's state.
func (s *Streams) Why(id string) (Why, error) {
	c := s.find(id)
	if c == nil {
		return Why{}, ErrUnknown
	}
	v := c.view()
	w := Why{ID: id, State: v.State, Code: v.Error, Answer: v.ErrorText}
	w.Streams = append(w.Streams, c.main.why(Main))
	if c.sub != nil {
		w.Streams = append(w.Streams, c.sub.why(Sub))
	}
	if w.Code == "" {
		w.Code, w.Answer = calm(v.State)
	}
	return w, nil
}

func calm(s State) (code string, text Text) {
	switch s {
	case Live:
		return "camera.live", Text{ZH: "画面正常。", EN: "Pictures are coming."}
	case Connecting:
		return "camera.connecting", Text{ZH: "正在连接摄像机。", EN: "Connecting to the camera."}
	case Idle:
		return "camera.idle", Text{ZH: "目前无人观看，打开画面时才会取流。", EN: "Nobody watches; the stream is pulled when somebody does."}
	case NoSignal:
	}
	return "camera.no_signal", Text{ZH: "没有画面。", EN: "No pictures."}
}

func (p *path) why(q Quality) WhyStream {
	st, c := p.state(), p.stream.counts()
	w := WhyStream{
		Quality: q, Status: p.status(), Attempts: st.attempts, Frames: c.frames, Damaged: st.ingest.damaged, LeftOut: st.ingest.left,
		CountedFPS: st.fps, KeyIntervalMS: c.gop.Milliseconds(),
		LastAttemptAt: moment(st.dialed), NextAttemptAt: moment(st.next),
	}
	if c.frames > 0 {
		w.LastFrameAt = moment(c.at)
	}
	if w.Code, w.Answer = cause(p); w.Code == "" {
		w.Code, w.Answer = calm(st.state)
		if st.state == Live && st.ingest.back > 0 {
			w.Code, w.Answer = "camera.b_frames", Text{
				ZH: "画面含 B 帧，浏览器无法流畅播放，已尽量略去，因此帧率较低：请在摄像机上关闭 B 帧。", EN: "The stream has B-frames, which browsers can't play evenly. They are left out where possible, so fewer pictures come: switch them off in the camera."}
		}
	}
	switch {
	case st.err != nil:
		w.Detail = scrub(st.err.Error(), p.from.URL)
	case st.ingest.lastLost != nil:
		w.Detail = scrub(st.ingest.lastLost.Error(), p.from.URL)
	}
	return w
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}
