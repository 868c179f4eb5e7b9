package web

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Problem is an error for the client as RFC 9457 has it, with a stable code
// that screens translate.
type Problem struct {
	Title  string              `json:"title"`
	Status int                 `json:"status"`
	Detail string              `json:"detail,omitempty"`
	Code   string              `json:"code"`
	Errors []*huma.ErrorDetail `json:"errors,omitempty"`
}

// Error is the detail, or the title where there is none.
func (p *Problem) Error() string {
	if p.Detail != "" {
		return p.Detail
	}
	return p.Title
}

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is application/problem+json for JSON answers.
func (p *Problem) ContentType(ct string) string {
	if ct == "application/json" {
		return "application/problem+json"
	}
	return ct
}

// Fail makes a problem: an HTTP status, a stable code such as
// "alarm.already_closed", and a sentence that says what to do.
func Fail(status int, code, detail string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// WriteProblem answers a request outside huma.
func WriteProblem(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// newProblem turns huma's own errors (validation, limits) into problems.
func newProblem(status int, msg string, errs ...error) huma.StatusError {
	p := Fail(status, codeOf(status), msg)
	for _, err := range errs {
		if d, ok := err.(huma.ErrorDetailer); ok {
			p.Errors = append(p.Errors, d.ErrorDetail())
		} else if err != nil {
			p.Errors = append(p.Errors, &huma.ErrorDetail{Message: err.Error()})
		}
	}
	if status >= http.StatusInternalServerError {
		p.Errors = nil // what went wrong inside is for the log
	}
	return p
}

func codeOf(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "auth.required"
	case http.StatusForbidden:
		return "auth.forbidden"
	case http.StatusNotFound:
		return "not_found"
	case http.StatusUnprocessableEntity, http.StatusBadRequest:
		return "request.invalid"
	case http.StatusRequestEntityTooLarge:
		return "request.too_large"
	case http.StatusConflict:
		return "conflict"
	}
	if status >= http.StatusInternalServerError {
		return "internal"
	}
	return "request.refused"
}
