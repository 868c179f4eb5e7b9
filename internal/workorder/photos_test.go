package workorder

import (
	"bytes"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"strings"
	"testing"

	"dongyue/internal/web"
)

func picture(t *testing.T, side int) string {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, side, side)), nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPhotosOfARepair(t *testing.T) {
	h := newHouse(t)
	desk, _ := h.login("desk", web.Operator, "")
	wang, _ := h.login("wang", web.Crew, "")
	li, _ := h.login("li", web.Crew, "")
	id := h.want(201, "POST", "/work-orders", `{"title":{"zh":"灯不亮"}}`, desk)["id"].(string)
	at := func(photo, query string) string { return "/work-orders/" + id + "/photos/" + photo + "?" + query }
	const one, two = "0123456789abcdef", "fedcba9876543210"
	good := picture(t, 64)
	if v := h.want(409, "PUT", at(one, "when=before"), good, wang); v["code"] != "order.not_taken" {
		t.Errorf("before it was taken: %v", v)
	}
	h.want(200, "POST", "/work-orders/"+id+"/take", "", wang)
	for _, c := range []struct {
		status            int
		what, path, body  string
		who, code, detail string
	}{
		{409, "somebody else's order", at(one, "when=before"), good, li, "order.not_taken", ""},
		{422, "no moment", at(one, ""), good, wang, "order.invalid", "before or after"},
		{422, "a short id", at("x", "when=before"), good, wang, "order.invalid", "16 to 40"},
		{422, "no picture", at(one, "when=before"), "GIF89a", wang, "order.invalid", "no JPEG"},
		{422, "a huge picture", at(one, "when=before"), picture(t, 8001), wang, "order.invalid", "8001 by 8001"},
		{413, "too many bytes", at(one, "when=before"), strings.Repeat("x", 3<<20), wang, "order.photo_too_large", ""},
		{422, "a bad time", at(one, "when=before&taken_at=yesterday"), good, wang, "order.invalid", "taken_at"},
		{404, "an order that is not there", strings.Replace(at(one, "when=before"), id, "w-none", 1), good, wang, "order.not_found", ""},
	} {
		v := h.want(c.status, "PUT", c.path, c.body, c.who)
		if detail, _ := v["detail"].(string); v["code"] != c.code || !strings.Contains(detail, c.detail) {
			t.Errorf("%s: %v", c.what, v)
		}
	}
	h.want(200, "PUT", at(one, "when=before&taken_at=2026-07-01T08:00:00Z"), good, wang)
	h.want(200, "PUT", at(one, "when=before&taken_at=2026-07-01T08:00:00Z"), good, wang) // the phone had not heard the answer
	h.want(200, "PUT", at(two, "when=after"), good, desk)
	o := h.want(200, "GET", "/work-orders/"+id, "", li)
	photos := o["photos"].([]any)
	first := photos[0].(map[string]any)
	if len(photos) != 2 || first["id"] != one || first["when"] != "before" || first["taken_at"] != "2026-07-01T08:00:00Z" || first["by_name"] != "wang" {
		t.Errorf("photos %v", photos)
	}
	n := 0
	for _, e := range o["log"].([]any) {
		if e.(map[string]any)["what"] == Photographed {
			n++
		}
	}
	if n != 2 {
		t.Errorf("the log tells of %d photos", n)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.srv.URL+"/api/v1"+at(one, ""), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: web.SessionCookie, Value: li})
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || string(body) != good || res.Header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("%d, %d bytes, %v", res.StatusCode, len(body), err)
	}
	h.want(404, "GET", at("aaaaaaaaaaaaaaaa", ""), "", li)
	for i := range maxPhotos - 2 {
		h.want(200, "PUT", at(strings.Repeat(string(rune('b'+i)), 16), "when=after"), good, wang)
	}
	if v := h.want(409, "PUT", at(strings.Repeat("z", 16), "when=after"), good, wang); v["code"] != "order.too_many_photos" {
		t.Errorf("got %v", v)
	}
}
