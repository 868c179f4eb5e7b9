package digest

import (
	"strings"
	"testing"
)

// The examples of RFC 7616, 3.9.1, with the nonce of the client as it has it.
func TestAnswerOfTheStandard(t *testing.T) {
	const cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
	for _, c := range []struct{ algorithm, want string }{
		{"MD5", "8ca523f5e9506fed4657c9700eebdbec"},
		{"SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
	} {
		all := parse(`Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=` + c.algorithm +
			`, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`)
		if len(all) != 1 {
			t.Fatalf("read %+v", all)
		}
		got := all[0].answer("Mufasa", "Circle of Life", "GET", "/dir/index.html", cnonce, 1)
		if !strings.Contains(got, `response="`+c.want+`"`) || !strings.Contains(got, "nc=00000001") || !strings.Contains(got, `opaque="FQhe`) {
			t.Errorf("%s: %s", c.algorithm, got)
		}
	}
}

// RFC 2069 as cameras have it: no qop, so no count and no nonce of the client.
func TestAnswerWithoutQop(t *testing.T) {
	a := Account{User: "admin", Password: "12345"}
	if _, err := a.Take([]string{`Digest realm="IP Camera(12345)", nonce="abc", stale="FALSE"`}); err != nil {
		t.Fatal(err)
	}
	got := a.Authorization("DESCRIBE", "rtsp://h/x")
	// md5(md5(admin:IP Camera(12345):12345):abc:md5(DESCRIBE:rtsp://h/x))
	const want = `Digest username="admin", realm="IP Camera(12345)", nonce="abc", uri="rtsp://h/x", response="c1126cc2ac0eec4f8899f6b41d0f0de2"`
	if got != want {
		t.Errorf("got %s", got)
	}
}

func TestTake(t *testing.T) {
	for _, c := range []struct {
		name    string
		headers []string
		want    string // how the answer begins, "" for none
	}{
		{"the stronger of two headers", []string{`Digest realm="r", nonce="1", algorithm=MD5`, `Digest realm="r", nonce="2", algorithm=SHA-256`}, `nonce="2"`},
		{"digest before basic", []string{`Basic realm="r"`, `Digest realm="r", nonce="1"`}, `nonce="1"`},
		{"two in one header", []string{`Basic realm="a, b", Digest realm="r", nonce="1"`}, `nonce="1"`},
		{"basic alone", []string{`Basic realm="r"`}, "Basic dTpw"},
		{"no spaces", []string{`Digest realm="r",nonce="1",qop=auth`}, "qop=auth"},
		{"lower case", []string{`digest REALM="r",Nonce="1"`}, `nonce="1"`},
		{"unknown", []string{`Negotiate`}, ""},
		{"unknown algorithm", []string{`Digest realm="r", nonce="1", algorithm=SHA-512-256`}, ""},
		{"empty", nil, ""},
	} {
		a := Account{User: "u", Password: "p"}
		_, err := a.Take(c.headers)
		if got := a.Authorization("OPTIONS", "*"); (err == nil) != (c.want != "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %v, %s", c.name, err, got)
		}
	}
}

func TestStale(t *testing.T) {
	a := Account{User: "u", Password: "p"}
	take := func(h string) bool {
		t.Helper()
		fresh, err := a.Take([]string{h})
		if err != nil {
			t.Fatal(err)
		}
		return fresh
	}
	if !take(`Digest realm="r", nonce="1", qop="auth"`) {
		t.Error("the first challenge is not fresh")
	}
	a.Authorization("A", "/")
	a.Accepted()
	if got := a.Authorization("B", "/"); !strings.Contains(got, "nc=00000002") {
		t.Errorf("the second request of a nonce: %s", got)
	}
	if !take(`Digest realm="r", nonce="2", qop="auth", stale=true`) {
		t.Error("a stale nonce is not fresh")
	}
	if got := a.Authorization("C", "/"); !strings.Contains(got, "nc=00000001") {
		t.Errorf("the first request of a new nonce: %s", got)
	}
	if take(`Digest realm="r", nonce="2", qop="auth"`) {
		t.Error("the same nonce again is a refusal")
	}
	if !take(`Digest realm="r", nonce="3", qop="auth"`) {
		t.Error("a camera that took the password and has another nonce wants that one")
	}
	b := Account{User: "u", Password: "wrong"}
	if _, err := b.Take([]string{`Digest realm="r", nonce="1"`}); err != nil {
		t.Fatal(err)
	}
	if fresh, _ := b.Take([]string{`Digest realm="r", nonce="2"`}); fresh {
		t.Error("a wrong password is tried again and again")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`Digest realm="a\"b", nonce="1", qop="auth,auth-int", stale=TRUE`)
	f.Add(`Basic realm="x", Digest nonce=1`)
	f.Add(`=,=,"`)
	f.Fuzz(func(t *testing.T, h string) {
		a := Account{User: "user", Password: "pa\r\nss"}
		_, err := a.Take([]string{h})
		got := a.Authorization("GET", "/")
		if (err == nil) != (got != "") {
			t.Fatalf("%v with %q", err, got)
		}
		if strings.ContainsAny(got, "\r\n") {
			t.Fatalf("a header of several lines: %q", got)
		}
	})
}
