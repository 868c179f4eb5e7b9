package dashboards

import (
	"net/http"
	"strconv"
)

// missing is the page of a hub that was compiled before its web apps were built.
const missing = `<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>东岳花苑</title>
<h1>网页尚未构建</h1>
<p>这个程序里没有网页：先运行 <code>make web</code>，再重新编译。接口照常工作。</p>
<h1 lang="en">Web apps not built</h1>
<p lang="en">This binary holds no web apps: run <code>make web</code> and build the hub again. The API works as usual.</p>
</html>
`

func notBuilt(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(missing)))
	w.WriteHeader(http.StatusServiceUnavailable)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(missing)) // who has gone needs no page
	}
}
