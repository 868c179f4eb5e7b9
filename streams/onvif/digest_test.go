package onvif

import (
	"crypto/md5" //nolint:gosec // the scheme of the cameras
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dongyue/streams"
)

// Cameras that want HTTP's digest beside the token, or instead of it, with a nonce
// that changes without a word.
func TestDigestOverHTTP(t *testing.T) {
	nonce := 1
	sum := func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) } //nolint:gosec // as above
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if strings.Contains(string(b), "GetSystemDateAndTime") {
			http.Error(w, "not here", http.StatusNotFound)
			return
		}
		want := sum(sum("admin:cam:se@cret") + fmt.Sprintf(":%d:", nonce) + sum("POST:"+r.URL.RequestURI()))
		if !strings.Contains(r.Header.Get("Authorization"), `response="`+want+`"`) {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Digest realm="cam", nonce="%d"`, nonce))
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		nonce++
		_, _ = io.WriteString(w, `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><GetDeviceInformationResponse><Model>M</Model></GetDeviceInformationResponse></e:Body></e:Envelope>`)
	}))
	defer srv.Close()
	from := func(user string) streams.Source {
		return streams.Source{URL: streams.URL(strings.Replace(srv.URL, "http://", "http://"+user+"@", 1))}
	}
	c, err := Connect(t.Context(), from("admin:se%40cret"), private(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 3 {
		if i, err := c.Info(t.Context()); err != nil || i.Model != "M" {
			t.Fatalf("%+v, %v", i, err)
		}
	}
	if _, err := Connect(t.Context(), from("admin:wrong"), private(t)); !errors.Is(err, streams.ErrAuth) {
		t.Errorf("a wrong password: %v", err)
	}
}
