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

const (
	maxOrder  = 4 << 10
	maxAmount = charging.Fen(1_000_000_000) // ten million yuan: nobody charges a bike for more
)

// ServeHTTP implements the contract.
func (t *Till) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var o order
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOrder))
	if err != nil || json.Unmarshal(b, &o) != nil || o.Key == "" || o.Amount < 0 || o.Amount > maxAmount {
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
		if o.Amount > p.Amount-t.back(o) {
			w.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
		w.WriteHeader(book(t.given, o))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// back is what other orders have given back of the same payment: several refunds of
// one payment come to no more than it.
func (t *Till) back(o order) (sum charging.Fen) {
	for key, g := range t.given {
		if g.Payment == o.Payment && key != o.Key {
			sum += g.Amount
		}
	}
	return sum
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
