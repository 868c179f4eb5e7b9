package rtsp

import (
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
)

// A control address that can't be read, from a camera with a password: the library
// goes on without any address, in a goroutine of its own, where a panic ends the hub.
func TestControlThatCantBeRead(t *testing.T) {
	for _, control := range []string{"%zz", "track one\x7f", "rtsp://%zz/x", "http://[", ":", "x#y", "RTSP://h/%"} {
		q := newQuirky(t, nil, func(r *call, res *base.Response) *base.Response {
			if r.Method == base.Describe {
				res.Body = []byte(strings.ReplaceAll(string(res.Body), "track1", control))
			}
			return res
		})
		if err := film(t, at(q.addr, admin)); err != nil {
			t.Errorf("%q: %v", control, err)
		}
	}
}
