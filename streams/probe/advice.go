package probe

import (
	"net/netip"
	"net/url"

	"dongyue/streams"
)

// Advice is something that should be set otherwise.
type Advice struct {
	Code string       `json:"code"`
	Text streams.Text `json:"text"`
}

// From here on something is worth saying.
const (
	wallPixels = 1280 * 720 // more is not seen on a tile
	wallKbps   = 2000
	longGOPMS  = 4000 // until a picture after a loss

	clockSeconds = 3 // from so long on it can be told whether the clock is right
	clockOff     = 2 // times as fast, or as slow
)

func (r *Report) advise(o Options) {
	add := func(code, zh, en string) {
		r.Advice = append(r.Advice, Advice{code, streams.Text{ZH: zh, EN: en}})
	}
	v := r.video()
	if v == nil {
		return
	}
	if v.Codec == "h265" {
		add("h265", "主码流是 H.265：并非所有浏览器都能播放，建议再配一路 H.264 子码流。", "The stream is H.265, which not every browser plays: set up a sub stream in H.264 too.")
	}
	if v.BFrames {
		add("b_frames", "画面含 B 帧：请在摄像机上关闭，否则浏览器中不流畅。", "The stream has B-frames: switch them off in the camera, or browsers show it unevenly.")
	}
	if rate := v.clock(r.Seconds); r.Seconds >= clockSeconds && v.Frames > 10 && (rate > clockOff || rate < 1.0/clockOff) {
		add("clock", "画面的 RTP 时间戳不是 90 kHz：请更新摄像机固件；枢纽以到达时间为准。", "The pictures' RTP clock does not run at 90 kHz: update the camera's firmware; the hub goes by when they come.")
	}
	if v.GOPMS > longGOPMS {
		add("gop", "关键帧间隔超过 4 秒：建议设为 2 秒，丢包后恢复更快。", "Key frames are more than 4 s apart: set 2 s, so that a picture comes back sooner after a loss.")
	}
	if !o.HasSub && (v.Width*v.Height > wallPixels || v.Kbps > wallKbps) {
		add("sub_stream", "电视墙建议使用子码流（640×360、H.264、500 kbit/s 左右）：请填写子码流地址。", "Give the address of a sub stream for walls: 640×360, H.264, about 500 kbit/s.")
	}
	if r.Lost > 0 {
		add("loss", "检测期间有丢包：检查网络，或改用 TCP。", "Packets were lost meanwhile: look at the network, or use TCP.")
	}
	if private, err := streams.ParseNetworks(streams.PrivateNetworks()); err == nil {
		if u, err := url.Parse(string(o.Source.URL)); err == nil {
			if a, err := netip.ParseAddr(u.Hostname()); err == nil && !private.Allow(a) {
				add("network", "该地址不在枢纽默认允许的网段内：登记前需加入 cameras.networks。", "The address is outside the networks that a hub allows by itself: add it to cameras.networks before you register it.")
			}
		}
	}
}
