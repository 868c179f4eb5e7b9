package clip

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"dongyue/streams/evidence"
)

// readme is the text that goes with an export, for somebody who has never heard of
// the hub.
func readme(c *Clip, s *evidence.Signed) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	key, _ := base64.StdEncoding.DecodeString(s.PublicKey) // as it was just signed
	when := func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000 UTC") }

	line("证据录像 / Evidence clip %s\n", s.Clip)
	line("摄像机 / camera    %s (%s)", s.CameraName, s.Camera)
	line("画面时间 / shows   %s – %s", when(s.Shows.From), when(s.Shows.To))
	line("缘由 / reason      %s", s.Reason)
	if s.Alarm != "" {
		line("报警 / alarm       %s", s.Alarm)
	}
	if x := s.Exported; x != nil {
		line("导出 / exported    %s, %s (%s): %s", when(x.At), x.Name, x.By, x.Reason)
	}
	line("签名密钥 / key     %s\n", evidence.Fingerprint(key))
	line("画面与摄像机送来的一致，未经转码。/ The pictures are the camera's own, not encoded again.")
	line("证据只有 %s 与 %s。/ Only %s and %s are the evidence.", evidence.VideoName, evidence.ManifestName, evidence.VideoName, evidence.ManifestName)
	line("%s 带水印播放，无需网络；若有 %s，它是带水印的转码副本，不是证据。/ %s plays it under a watermark, without a network; %s, where it is there, is a copy with a watermark, encoded again, and no evidence.",
		evidence.ViewerName, evidence.CopyName, evidence.ViewerName, evidence.CopyName)
	for _, g := range c.Gaps {
		line("缺画面 / gap  %s – %s  %s / %s", when(g.From), when(g.To), g.Text.ZH, g.Text.EN)
	}
	if c.Problem != "" {
		line("提前结束 / ends early: %s / %s", c.ProblemText.ZH, c.ProblemText.EN)
	}
	b.WriteString(howTo)
	return b.String()
}

const howTo = `
校验 / How to check

1. 使用枢纽程序 / with the hub's program:

   dongyue clips verify EXPORT.zip --key PUBLIC_KEY

   PUBLIC_KEY 须从本装置另行取得（GET /api/v1/clips/key），不要取自本压缩包：
   压缩包内的密钥只能证明未被改动，不能证明出自何处。
   Get PUBLIC_KEY from the installation itself (GET /api/v1/clips/key), not from this
   archive: the key in the archive proves that nothing was changed, not where it is from.

2. 不用枢纽程序 / without it:

   sha256sum clip.mp4        = "video"."sha256" in manifest.json
   每一段 / each fragment:   bytes "at" to "at"+"size"-1 of clip.mp4; their SHA-256 is "sha256"
   链 / the chain:           "chain" = SHA-256(chain of the fragment before, as 32 bytes, followed by
                             "sha256", as 32 bytes); fragment 0 has none before it
   签名 / the signature:     Ed25519 over the value of "manifest" as JSON without white space, exactly as
                             it stands in manifest.json; "signature" is base64
`
