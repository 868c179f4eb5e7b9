package till

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"dongyue/internal/charging"
)

// Client reaches a provider.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// NewClient checks the address. The token is sent as bearer; it stands in no error.
func NewClient(base, token string, timeout time.Duration) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, errors.New("charging.payments.url: an http or https address without a user is wanted")
	}
	return &Client{strings.TrimRight(base, "/"), token, &http.Client{
		Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

type order struct {
	Key     string       `json:"key"`
	Person  string       `json:"person,omitempty"`
	Payment string       `json:"payment,omitempty"`
	Amount  charging.Fen `json:"amount_fen"`
}

// Pay implements charging.Payments.
func (c *Client) Pay(ctx context.Context, key, person string, amount charging.Fen) error {
	return c.post(ctx, "/pay", order{Key: key, Person: person, Amount: amount})
}

// Refund implements charging.Payments.
func (c *Client) Refund(ctx context.Context, key, payment string, amount charging.Fen) error {
	return c.post(ctx, "/refund", order{Key: key, Payment: payment, Amount: amount})
}

func (c *Client) post(ctx context.Context, path string, o order) error {
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("payments: %s: %w", path, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", o.Key)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("payments: %s: %w", path, err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16))
	switch res.StatusCode {
	case http.StatusOK, http.StatusCreated:
		return nil
	case http.StatusPaymentRequired:
		return charging.ErrDeclined
	case http.StatusNotFound:
		if path == "/refund" {
			return charging.ErrNoPayment
		}
	}
	return fmt.Errorf("payments: %s: status %d", path, res.StatusCode)
}
