package clip

import (
	"cmp"
	"time"

	"dongyue/streams"
)

// cut is where a clip's edit list begins and how long it is.
type cut struct {
	media  int64 // on the session's clock
	length time.Duration
	from   time.Time // what is shown, by the server's clock
	to     time.Time
}

// cutOf finds the moments from and to in what is there.
func cutOf(ps []*piece, from, to time.Time) cut {
	c := cut{media: ps[0].pts, from: ps[0].start, to: ps[0].end}
	var until int64
	for _, p := range ps {
		if !p.start.After(from) {
			c.from = earliest(from, p.end)
			c.media = p.pts + ticks(c.from.Sub(p.start))
		}
		if !p.start.After(to) {
			c.to = earliest(to, p.end)
			until = p.pts + ticks(c.to.Sub(p.start))
		}
	}
	c.length = span(max(until-c.media, 0)).Round(time.Millisecond)
	return c
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// header is the beginning of a clip's file, with its length and an index.
func header(head []byte, c cut, ps []*piece) ([]byte, error) {
	length := c.length.Milliseconds()
	b, err := cutTracks(head, c.media, length, ps)
	if err != nil {
		return nil, err
	}
	if b, err = splice(b, overall(length), "moov", "mvex", "trex"); err != nil {
		return nil, err
	}
	return append(b, index(stretches(ps, c))...), nil
}

// stretches cuts a clip at its key frames.
func stretches(ps []*piece, c cut) (list []stretch) {
	var from, until int64
	for _, p := range ps {
		at := max(p.pts-c.media, 0)
		if until = min(ticks(c.length), at); len(list) == 0 || p.key && until > from {
			if n := len(list); n > 0 {
				list[n-1].length = until - from
			}
			list, from = append(list, stretch{}), until
		}
		list[len(list)-1].bytes += p.size
	}
	list[len(list)-1].length = max(ticks(c.length)-from, 0)
	return list
}

// gaps lists the times without pictures between from and to.
func gaps(ps []*piece, from, to time.Time, before, behind string) []Gap {
	gs := []Gap{}
	add := func(a, b time.Time, reason string) {
		a, b = clamp(a, from, to), clamp(b, from, to)
		if b.Sub(a) >= time.Millisecond {
			gs = append(gs, Gap{From: a.UTC().Truncate(time.Millisecond), To: b.UTC().Truncate(time.Millisecond), Reason: reason, Text: explain(reason)})
		}
	}
	if len(ps) == 0 {
		add(from, to, behind)
		return gs
	}
	add(from, ps[0].start, before)
	for i, p := range ps[1:] {
		if p.after(ps[i]) {
			add(ps[i].end, p.start, cmp.Or(p.Gap, codeUnknown))
		}
	}
	add(ps[len(ps)-1].end, to, behind)
	return gs
}

func clamp(t, from, to time.Time) time.Time {
	if t.Before(from) {
		return from
	}
	if t.After(to) {
		return to
	}
	return t
}

// Codes of gaps that no camera is the reason of.
const (
	codePause   = "clip.pause"       // the camera sent nothing and said nothing
	codeMemory  = "clip.memory"      // the pictures were no longer in memory
	codeStopped = "clip.hub_stopped" // the hub did not run
	codeUnknown = "clip.unknown"     // found out after a crash, so nobody knows why
)

// explainProblem is explain, and nothing for no problem.
func explainProblem(code string) streams.Text {
	if code == "" {
		return streams.Text{}
	}
	return explain(code)
}

// explain says in words what a code of a gap or a problem means.
func explain(code string) streams.Text {
	for _, c := range []struct {
		code string
		text streams.Text
	}{
		{codePause, streams.Text{ZH: "摄像机在这段时间没有送来画面。", EN: "The camera sent no pictures in this time."}},
		{codeMemory, streams.Text{ZH: "更早的画面已不在内存中。", EN: "Earlier pictures were no longer in memory."}},
		{codeStopped, streams.Text{ZH: "枢纽在这段时间停机。", EN: "The hub was not running in this time."}},
		{codeOff, streams.Text{ZH: "这段时间没有开启连续录像。", EN: "Continuous recording was not switched on in this time."}},
		{codePruned, streams.Text{ZH: "这段录像已超过保存期限或空间上限，已删除。", EN: "This recording was deleted for its age or for space."}},
		{codeUnknown, streams.Text{ZH: "枢纽中断后发现缺少画面，原因不明。", EN: "Pictures are missing, found after the hub broke off; the reason is not known."}},
		{problemDisk, streams.Text{ZH: "写入磁盘失败，录像提前结束：请检查磁盘。", EN: "The disk could not be written, so the clip ends early: check the disk."}},
		{problemFull, streams.Text{ZH: "磁盘空间不足，录像提前结束：请清理磁盘，或调低 clips.max_gb。", EN: "The disk is full, so the clip ends early: free space, or lower clips.max_gb."}},
		{problemSlow, streams.Text{ZH: "磁盘写入跟不上画面，录像提前结束：请换用更快的磁盘，或改录子码流。", EN: "The disk is slower than the pictures, so the clip ends early: use a faster disk, or record the sub stream."}},
		{problemCodec, streams.Text{ZH: "画面编码无法写入文件：请更新摄像机固件或更换编码设置。", EN: "The pictures can't be put into a file: update the camera's firmware or change its encoder settings."}},
		{problemGone, streams.Text{ZH: "录像期间摄像机被删除或更改。", EN: "The camera was deleted or changed while it was recorded."}},
		{problemEmpty, streams.Text{ZH: "这段时间没有任何画面。", EN: "There was no picture in this time."}},
		{problemSpoilt, streams.Text{ZH: "从磁盘读回的数据与写入的不一致：请检查磁盘。", EN: "The disk does not give back what was written: check the disk."}},
	} {
		if c.code == code {
			return c.text
		}
	}
	return streams.Explain(code)
}
