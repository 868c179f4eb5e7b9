package till

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dongyue/internal/charging"
)

func open(t interface{ Cleanup(func()) }, h http.Handler) *Client {
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c, err := NewClient(srv.URL, "secret", 5*time.Second)
	if err != nil {
		panic(err)
	}
	return c
}

func TestContract(t *testing.T) {
	var books Till
	c := open(t, &books)
	ctx := t.Context()
	for i, step := range []struct {
		do   func() error
		want error // errAny: any but the contract's own
	}{
		{func() error { return c.Pay(ctx, "pay/1", "p-1", 500) }, nil},
		{func() error { return c.Pay(ctx, "pay/1", "p-1", 500) }, nil},
		{func() error { return c.Pay(ctx, "pay/1", "p-1", 600) }, errAny},
		{func() error { return c.Pay(ctx, "pay/1", "p-2", 500) }, errAny},
		{func() error { return c.Refund(ctx, "refund/1", "pay/1", 300) }, nil},
		{func() error { return c.Refund(ctx, "refund/1", "pay/1", 300) }, nil},
		{func() error { return c.Refund(ctx, "refund/1", "pay/1", 301) }, errAny},
		{func() error { return c.Refund(ctx, "refund/again", "pay/1", 300) }, errAny}, // 600 of 500
		{func() error { return c.Refund(ctx, "refund/rest", "pay/1", 200) }, nil},
		{func() error { return c.Refund(ctx, "refund/2", "pay/2", 1) }, charging.ErrNoPayment},
		{func() error { return c.Pay(ctx, "pay/3", "p-1", -1) }, errAny},
	} {
		switch err := step.do(); {
		case step.want == nil && err != nil, step.want != nil && err == nil, errors.Is(step.want, charging.ErrNoPayment) && !errors.Is(err, step.want):
			t.Errorf("step %d: %v, want %v", i, err, step.want)
		}
	}
	if paid, back, payments, refunds := books.Books(); paid != 500 || back != 500 || payments != 1 || refunds != 2 {
		t.Errorf("books: %d paid, %d back, %d and %d orders", paid, back, payments, refunds)
	}
}

var errAny = errors.New("any")

func TestAnswersOfAProvider(t *testing.T) {
	for status, want := range map[int]error{200: nil, 201: nil, 402: charging.ErrDeclined, 302: errAny, 404: errAny, 409: errAny, 500: errAny} {
		c := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer secret" || r.Header.Get("Idempotency-Key") != "k" {
				t.Errorf("headers: %v", r.Header)
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		}))
		err := c.Pay(t.Context(), "k", "p", 1)
		if (err == nil) != (want == nil) || errors.Is(want, charging.ErrDeclined) && !errors.Is(err, want) || errors.Is(want, errAny) && errors.Is(err, charging.ErrDeclined) {
			t.Errorf("status %d: %v, want %v", status, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the token stands in %q", err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, bad := range []string{"", "pay.example", "ftp://pay.example", "http://", "https://user:pass@pay.example", "http://[::1"} {
		if _, err := NewClient(bad, "", time.Second); err == nil {
			t.Errorf("%q was taken", bad)
		} else if strings.Contains(err.Error(), "pass") {
			t.Errorf("a password stands in %q", err)
		}
	}
}

// TestBooksBalance orders at random, each order again and again as after lost answers,
// and keeps its own books beside the till's.
func TestBooksBalance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var books Till
		paid, given := map[string]charging.Fen{}, map[string]charging.Fen{}
		of := map[string]string{}
		send := func(path string, o order) int {
			b, _ := json.Marshal(o)
			w := httptest.NewRecorder()
			books.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, bytes.NewReader(b)))
			return w.Code
		}
		for range rapid.IntRange(1, 40).Draw(t, "orders") {
			p := fmt.Sprintf("pay/%d", rapid.IntRange(0, 4).Draw(t, "payment"))
			amount := charging.Fen(rapid.IntRange(-2, 600).Draw(t, "amount"))
			if rapid.Bool().Draw(t, "pays") {
				if send("/pay", order{Key: p, Person: "p", Amount: amount}) == http.StatusOK {
					if was, ok := paid[p]; ok && was != amount {
						t.Fatalf("%s took %d and %d", p, was, amount)
					}
					paid[p] = amount
				}
				continue
			}
			k := fmt.Sprintf("refund/%d", rapid.IntRange(0, 6).Draw(t, "refund"))
			if send("/refund", order{Key: k, Payment: p, Amount: amount}) == http.StatusOK {
				if was, ok := given[k]; ok && (was != amount || of[k] != p) {
					t.Fatalf("%s gave %d of %s and %d of %s", k, was, of[k], amount, p)
				}
				given[k], of[k] = amount, p
			}
		}
		sum := map[string]charging.Fen{}
		var in, out charging.Fen
		for k, a := range given {
			sum[of[k]] += a
			out += a
		}
		for k, a := range paid {
			in += a
			if sum[k] > a || a < 0 {
				t.Fatalf("%s: %d paid, %d given back", k, a, sum[k])
			}
		}
		if gotIn, gotOut, payments, refunds := books.Books(); gotIn != in || gotOut != out || payments != len(paid) || refunds != len(given) {
			t.Fatalf("the till's books: %d, %d of %d and %d orders; ours %d, %d", gotIn, gotOut, payments, refunds, in, out)
		}
	})
}

func FuzzOrder(f *testing.F) {
	f.Add("/pay", `{"key":"k","person":"p","amount_fen":5}`)
	f.Add("/refund", `{"key":"k","payment":"k","amount_fen":5}`)
	f.Add("/pay", `{"key":"k","amount_fen":1e309}`)
	f.Add("/pay", `{"key":"k","amount_fen":-9223372036854775808}`)
	f.Fuzz(func(t *testing.T, path, body string) {
		var books Till
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://till/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Path = path
		books.paid, books.given = map[string]order{"k": {Key: "k", Person: "p", Amount: 5}}, map[string]order{}
		w := httptest.NewRecorder()
		books.ServeHTTP(w, req)
		paid, back, _, _ := books.Books()
		if w.Code == 0 || paid < 5 || back < 0 || back > paid {
			t.Errorf("%s %q: %d, %d paid, %d back", path, body, w.Code, paid, back)
		}
	})
}
