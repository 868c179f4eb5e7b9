package dashboards

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// pageOf is the file behind the address of an app; ok is false for any other
// address. /login is where links and messages may send people; the desk's page
// asks who they are and sends them on.
func pageOf(address string) (name string, ok bool) {
	switch address {
	case "/dispatch", "/login":
		return "dispatch.html", true
	case "/crew":
		return "crew.html", true
	case "/home":
		return "home.html", true
	}
	if token, ok := strings.CutPrefix(address, visit); ok && token != "" && !strings.Contains(token, "/") {
		return visitPage, true
	}
	return "", false
}

// A visitor's page stands under a secret address, which is all that its holder has.
const (
	visit     = "/visit/"
	visitPage = "visit.html"
)

// policy lets a page run what comes from the hub itself and nothing else: no
// inline script or style, no other origin, no frame around it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; media-src 'self' blob:; manifest-src 'self'; worker-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// file is one file of the build as it goes over the wire.
type file struct {
	name      string
	raw, gzip []byte // gzip is nil where it gains nothing
	etag      string
	kind      string
	forever   bool // its name holds the hash of its content
	secretly  bool // its address is a secret: nothing may keep it or pass it on
}

// handler serves the files of one build, read once.
type handler struct {
	files map[string]*file
}

// NewHandler serves the build in a folder.
func NewHandler(dist fs.FS) http.Handler {
	h := &handler{files: map[string]*file{}}
	_ = fs.WalkDir(dist, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || hidden(name) || strings.HasSuffix(name, ".gz") {
			return nil //nolint:nilerr // what can't be read is not there
		}
		if f := load(dist, name); f != nil {
			h.files[name] = f
		}
		return nil
	})
	return h
}

// hidden reports whether a name is not for visitors: .keep, .built.
func hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") {
			return true
		}
	}
	return false
}

func load(dist fs.FS, name string) *file {
	raw, err := fs.ReadFile(dist, name)
	if err != nil {
		return nil
	}
	sum := sha256.Sum256(raw)
	f := &file{
		name: name, raw: raw, kind: contentType(name),
		etag:    `"` + hex.EncodeToString(sum[:12]) + `"`,
		forever: strings.HasPrefix(name, "assets/"),
	}
	if packed, err := fs.ReadFile(dist, name+".gz"); err == nil {
		f.gzip = packed
	}
	return f
}

func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".webmanifest":
		return "application/manifest+json"
	default:
		if t := mime.TypeByExtension(ext); t != "" {
			return t
		}
		return "application/octet-stream"
	}
}

// ServeHTTP answers GET and HEAD.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD here", http.StatusMethodNotAllowed)
		return
	}
	p := r.URL.Path
	if p == "/" {
		http.Redirect(w, r, "/dispatch", http.StatusFound)
		return
	}
	if page, ok := pageOf(strings.TrimSuffix(p, "/")); ok {
		if f := h.files[page]; f != nil {
			if page == visitPage {
				f = f.secret(w.Header())
			}
			f.serve(w, r)
			return
		}
		notBuilt(w, r)
		return
	}
	if f := h.files[strings.TrimPrefix(p, "/")]; f != nil && !strings.HasSuffix(p, ".html") {
		f.serve(w, r)
		return
	}
	http.NotFound(w, r)
}

// secure sets the headers that every answer carries.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), payment=(), usb=(), fullscreen=(self), autoplay=(self)")
}

// secret is the file for a secret address: no cache keeps it, no other site learns of
// it, no search engine lists it.
func (f *file) secret(h http.Header) *file {
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	s := *f
	s.secretly = true
	return &s
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("ETag", f.etag)
	switch {
	case f.secretly:
		h.Set("Cache-Control", "no-store")
		h.Del("ETag")
	case f.forever:
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	default:
		h.Set("Cache-Control", "no-cache") // ask each time; the tag makes it cheap
	}
	body := f.raw
	if f.gzip != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			if !f.secretly {
				h.Set("ETag", strings.TrimSuffix(f.etag, `"`)+`-gz"`)
			}
			body = f.gzip
		}
	}
	if match := r.Header.Get("If-None-Match"); match != "" && !f.secretly && strings.Contains(match, h.Get("ETag")) {
		h.Del("Content-Type")
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // who has gone needs no page
}

// acceptsGzip reads Accept-Encoding (RFC 9110 §12.5.3) as far as it matters
// here: gzip or * that is not refused by a weight of zero.
func acceptsGzip(header string) bool {
	for one := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(one), ";")
		name = strings.TrimSpace(name)
		if !strings.EqualFold(name, "gzip") && name != "*" {
			continue
		}
		q, ok := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
		return !ok || strings.Trim(q, "0.") != ""
	}
	return false
}
