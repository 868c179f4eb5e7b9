package till

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"

	"dongyue/internal/charging"
)

// Till is a provider with its books. The zero Till is open.
type Till struct {
	mu    sync.Mutex
	paid  map[string]order
	given map[string]order
}

const maxOrder = 4 << 10

// ServeHTTP implements the contract.
func (t *Till) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var o order
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOrder))
	if err != nil || json.Unmarshal(b, &o) != nil || o.Key == "" || o.Amount < 0 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.paid == nil {
		t.paid, t.given = map[string]order{}, map[string]order{}
	}
	switch r.Method + " " + r.URL.Path {
	case "POST /pay":
		w.WriteHeader(book(t.paid, o))
	case "POST /refund":
		p, ok := t.paid[o.Payment]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if o.Amount > p.Amount {
			w.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
		w.WriteHeader(book(t.given, o))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func book(in map[string]order, o order) int {
	if old, ok := in[o.Key]; ok && old != o {
		return http.StatusConflict
	}
	in[o.Key] = o
	return http.StatusOK
}

// Books are the sums that moved.
func (t *Till) Books() (paid, refunded charging.Fen, payments, refunds int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range t.paid {
		paid += o.Amount
	}
	for _, o := range t.given {
		refunded += o.Amount
	}
	return paid, refunded, len(t.paid), len(t.given)
}
