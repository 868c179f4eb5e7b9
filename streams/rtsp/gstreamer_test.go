package rtsp

import (
	"bufio"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"dongyue/streams"
)

// Another house's server: digest with its qop, its Transport header, over TCP and
// UDP. Skipped where GStreamer's RTSP server is not installed.
func TestGStreamer(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.CommandContext(t.Context(), python, "-c", "import gi; gi.require_version('GstRtspServer', '1.0')").Run(); err != nil {
		t.Skip("python3-gi with GstRtspServer is not installed")
	}
	cmd := exec.CommandContext(t.Context(), python, "testdata/gstreamer.py")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	addr := "127.0.0.1:" + strings.TrimSpace(line)
	for _, transport := range []streams.Transport{streams.Auto, streams.TCP, streams.UDP} {
		from := at(addr, admin)
		from.Transport = transport
		if err := film(t, from); err != nil {
			t.Errorf("%s: %v", transport, err)
		}
	}
	if err := film(t, at(addr, "admin:wrong@")); !errors.Is(err, streams.ErrAuth) {
		t.Errorf("a wrong password: %v", err)
	}
	if err := film(t, streams.Source{URL: streams.URL("rtsp://" + admin + addr + "/none")}); !errors.Is(err, streams.ErrNotFound) {
		t.Errorf("a wrong path: %v", err)
	}
}
