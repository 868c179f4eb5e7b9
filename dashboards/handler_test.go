package dashboards

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func build() fstest.MapFS {
	return fstest.MapFS{
		".keep":                  {},
		".built":                 {Data: []byte("x")},
		"dispatch.html":          {Data: []byte("<!doctype html>desk")},
		"dispatch.html.gz":       {Data: []byte("packed desk")},
		"crew.html":              {Data: []byte("<!doctype html>crew")},
		"home.html":              {Data: []byte("<!doctype html>home")},
		"visit.html":             {Data: []byte("<!doctype html>visit")},
		"visit.html.gz":          {Data: []byte("packed visit")},
		"home-sw.js":             {Data: []byte("self")},
		"mark.svg":               {Data: []byte("<svg/>")},
		"home.webmanifest":       {Data: []byte("{}")},
		"assets/app-Ab12.js":     {Data: []byte("let a")},
		"assets/app-Ab12.js.gz":  {Data: []byte("packed js")},
		"assets/style-Cd34.css":  {Data: []byte("a{}")},
		"assets/sub/.secret/key": {Data: []byte("no")},
	}
}

func ask(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestFiles(t *testing.T) {
	h := NewHandler(build())
	for _, c := range []struct {
		name, method, path, accept string
		status                     int
		body, kind, encoding       string
	}{
		{"desk", "GET", "/dispatch", "", 200, "<!doctype html>desk", "text/html; charset=utf-8", ""},
		{"desk with slash", "GET", "/dispatch/", "", 200, "<!doctype html>desk", "text/html; charset=utf-8", ""},
		{"desk packed", "GET", "/dispatch", "br, gzip;q=0.8", 200, "packed desk", "text/html; charset=utf-8", "gzip"},
		{"gzip refused", "GET", "/dispatch", "gzip;q=0, br", 200, "<!doctype html>desk", "text/html; charset=utf-8", ""},
		{"anything accepted", "GET", "/dispatch", "*", 200, "packed desk", "text/html; charset=utf-8", "gzip"},
		{"crew", "GET", "/crew", "gzip", 200, "<!doctype html>crew", "text/html; charset=utf-8", ""},
		{"home", "GET", "/home", "", 200, "<!doctype html>home", "text/html; charset=utf-8", ""},
		{"login", "GET", "/login", "", 200, "<!doctype html>desk", "text/html; charset=utf-8", ""},
		{"visitor", "GET", "/visit/abc", "gzip", 200, "packed visit", "text/html; charset=utf-8", "gzip"},
		{"visitor without a token", "GET", "/visit/", "", 404, "", "", ""},
		{"visitor with too much", "GET", "/visit/a/b", "", 404, "", "", ""},
		{"worker", "GET", "/home-sw.js", "", 200, "self", "text/javascript; charset=utf-8", ""},
		{"script", "GET", "/assets/app-Ab12.js", "gzip", 200, "packed js", "text/javascript; charset=utf-8", "gzip"},
		{"style", "GET", "/assets/style-Cd34.css", "gzip", 200, "a{}", "text/css; charset=utf-8", ""},
		{"picture", "GET", "/mark.svg", "", 200, "<svg/>", "image/svg+xml", ""},
		{"manifest", "GET", "/home.webmanifest", "", 200, "{}", "application/manifest+json", ""},
		{"root goes to the desk", "GET", "/", "", 302, "", "", ""},
		{"head has no body", "HEAD", "/crew", "", 200, "", "text/html; charset=utf-8", ""},
		{"post", "POST", "/dispatch", "", 405, "", "", ""},
		{"not there", "GET", "/assets/none.js", "", 404, "", "", ""},
		{"packed file by name", "GET", "/dispatch.html.gz", "", 404, "", "", ""},
		{"page by file name", "GET", "/dispatch.html", "", 404, "", "", ""},
		{"hidden", "GET", "/.keep", "", 404, "", "", ""},
		{"hidden stamp", "GET", "/.built", "", 404, "", "", ""},
		{"hidden below", "GET", "/assets/sub/.secret/key", "", 404, "", "", ""},
		{"folder", "GET", "/assets/", "", 404, "", "", ""},
		{"outside", "GET", "/../handler.go", "", 404, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := ask(h, c.method, c.path, "Accept-Encoding", c.accept)
			if w.Code != c.status {
				t.Fatalf("status %d, want %d", w.Code, c.status)
			}
			if c.body != "" && w.Body.String() != c.body || c.method == "HEAD" && w.Body.Len() > 0 {
				t.Errorf("body %q, want %q", w.Body.String(), c.body)
			}
			if c.kind != "" && w.Header().Get("Content-Type") != c.kind {
				t.Errorf("type %q, want %q", w.Header().Get("Content-Type"), c.kind)
			}
			if got := w.Header().Get("Content-Encoding"); got != c.encoding {
				t.Errorf("encoding %q, want %q", got, c.encoding)
			}
		})
	}
}

func TestCaching(t *testing.T) {
	h := NewHandler(build())
	asset := ask(h, "GET", "/assets/app-Ab12.js")
	if cc := asset.Header().Get("Cache-Control"); !strings.Contains(cc, "immutable") {
		t.Errorf("asset: Cache-Control %q", cc)
	}
	page := ask(h, "GET", "/dispatch")
	if cc := page.Header().Get("Cache-Control"); cc != "no-cache" {
		t.Errorf("page: Cache-Control %q", cc)
	}
	if again := ask(h, "GET", "/dispatch", "If-None-Match", page.Header().Get("ETag")); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("same page again: %d with %d bytes", again.Code, again.Body.Len())
	}
	packed := ask(h, "GET", "/dispatch", "Accept-Encoding", "gzip")
	if packed.Header().Get("ETag") == page.Header().Get("ETag") {
		t.Error("packed and plain have the same tag")
	}
	if packed.Header().Get("Vary") != "Accept-Encoding" || page.Header().Get("Vary") != "Accept-Encoding" {
		t.Error("a cache between would mix packed and plain")
	}
}

// The address of a visitor's page is its key: nothing may keep it or pass it on.
func TestVisitorsPageIsKeptNowhere(t *testing.T) {
	h := NewHandler(build())
	for _, accept := range []string{"", "gzip"} {
		got := ask(h, "GET", "/visit/abc", "Accept-Encoding", accept).Header()
		if got.Get("Cache-Control") != "no-store" || got.Get("ETag") != "" || got.Get("Referrer-Policy") != "no-referrer" || got.Get("X-Robots-Tag") == "" {
			t.Errorf("%q: %v", accept, got)
		}
	}
	if cc := ask(h, "GET", "/home-sw.js").Header().Get("Cache-Control"); cc != "no-cache" {
		t.Errorf("an old service worker would stay: %q", cc)
	}
}

func TestSecurityHeaders(t *testing.T) {
	for _, files := range []fstest.MapFS{build(), {}} {
		for _, path := range []string{"/", "/dispatch", "/assets/app-Ab12.js", "/none"} {
			h := ask(NewHandler(files), "GET", path).Header()
			csp := h.Get("Content-Security-Policy")
			if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "http") {
				t.Errorf("%s: policy %q", path, csp)
			}
			if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" || h.Get("Referrer-Policy") == "" {
				t.Errorf("%s: headers %v", path, h)
			}
		}
	}
}

func TestNotBuilt(t *testing.T) {
	for _, path := range []string{"/dispatch", "/crew", "/home", "/login", "/visit/abc"} {
		w := ask(NewHandler(fstest.MapFS{".keep": {}}), "GET", path)
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "make web") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: would be kept after the build", path)
		}
	}
}

// The pages of a real build, when there is one, hold nothing that the policy
// forbids: no inline script, no style attribute, no other origin.
func TestBuiltPagesFitThePolicy(t *testing.T) {
	h := Handler()
	for _, page := range []string{"/dispatch", "/crew", "/home", "/login", "/visit/abc"} {
		w := ask(h, "GET", page)
		if w.Code == http.StatusServiceUnavailable {
			continue // not built here; the page that says so is tested above
		}
		body := w.Body.String()
		for _, bad := range []string{"<style", " style=", "<script>", "//cdn", "javascript:"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s holds %q", page, bad)
			}
		}
		if !strings.Contains(body, `src="/assets/`) {
			t.Errorf("%s loads no script of the build", page)
		}
	}
}
