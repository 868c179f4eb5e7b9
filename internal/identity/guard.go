package identity

import (
	"net/http"
	"strings"

	"dongyue/internal/web"
)

// maxToken bounds what is hashed for a stranger.
const maxToken = 256

// Authenticate implements web.Guard. A request with an Authorization header is
// judged by it alone: a bad token is not rescued by a good cookie.
func (i *Identity) Authenticate(r *http.Request) (web.Principal, bool) {
	if h := r.Header.Get("Authorization"); h != "" {
		scheme, token, _ := strings.Cut(h, " ")
		if !strings.EqualFold(scheme, "Bearer") || len(token) > maxToken {
			return web.Principal{}, false
		}
		return i.VerifyToken(r.Context(), strings.TrimSpace(token))
	}
	c, err := r.Cookie(web.SessionCookie)
	if err != nil || c.Value == "" || len(c.Value) > maxToken {
		return web.Principal{}, false
	}
	u, ok := i.bySession(r.Context(), c.Value)
	if !ok {
		i.reused(r.Context(), c.Value, r.RemoteAddr)
		return web.Principal{}, false
	}
	return u.Principal(), true
}
