package web

import (
	"encoding/json"
	"net/http"
	"strings"

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

// challenge is owed with every 401 (RFC 9110, 11.6.1). A browser asks nobody for a
// password because of it, as it would for Basic.
const challenge = "Bearer"

// WriteProblem answers a request outside huma.
func WriteProblem(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// mostErrors bounds a problem: the first mistakes are enough to go on with, and a
// body of a megabyte must not come back as one of ten.
const mostErrors = 20

// newProblem turns huma's own errors (validation, limits) into problems. It leaves
// out the values that were sent: among them are passwords and cameras' addresses,
// and a problem ends up in logs and recordings.
func newProblem(status int, msg string, errs ...error) huma.StatusError {
	p := Fail(status, codeOf(status), msg)
	if status >= http.StatusInternalServerError {
		return p // what went wrong inside is for the log
	}
	for _, err := range errs {
		if err == nil || len(p.Errors) == mostErrors {
			continue
		}
		d := &huma.ErrorDetail{Message: err.Error()}
		if x, ok := err.(huma.ErrorDetailer); ok {
			d = x.ErrorDetail()
		}
		p.Errors = append(p.Errors, &huma.ErrorDetail{Message: plain(d.Message), Location: clip(d.Location)})
	}
	return p
}

// plain says in the words of the API what a decoder says in those of Go.
func plain(message string) string {
	for _, inner := range []string{"json: ", "unmarshal", "strconv.", "Go value", "Go struct"} {
		if strings.Contains(message, inner) {
			return "it is not the JSON that is wanted here: a value of another type, or a name that stands twice"
		}
	}
	return clip(message)
}

// clip shortens what may repeat the request.
func clip(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
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
	case http.StatusUnsupportedMediaType:
		return "request.content_type"
	case http.StatusNotAcceptable:
		return "request.not_acceptable"
	case http.StatusRequestTimeout:
		return "request.timeout"
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
