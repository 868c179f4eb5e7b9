package official

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"dongyue/internal/cap"
	"dongyue/internal/web"
)

// Register adds the operations.
func (o *Official) Register(a *web.API) {
	const tag = "official"
	a.HandleAs(web.Op{
		Method: http.MethodPost, Path: "/official/messages", Summary: "Submit a signed CAP 1.2 message", Tag: tag, Action: web.OfficialSubmit, Status: http.StatusAccepted,
	}, web.Raw{Takes: "application/cap+xml", Gives: "application/json"}, http.HandlerFunc(o.submit))
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/official/messages", Summary: "Official messages and whether they were believed, newest first", Tag: tag, Action: web.Broadcast}, o.getList)
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/official/messages/{id}", Summary: "One official message", Tag: tag, Action: web.Broadcast}, o.get)
	a.HandleAs(web.Op{
		Method: http.MethodGet, Path: "/official/messages/{id}/raw", Summary: "A message as it came", Tag: tag, Action: web.Broadcast,
	}, web.Raw{Gives: "application/octet-stream"}, http.HandlerFunc(o.getRaw))
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/official/outbox", Summary: "Results and own alarms that go to the authorities, newest first", Tag: tag, Action: web.Broadcast}, o.getOutbox)
	o.registerHome(a)
}

// submit takes a message as the body. The answer is 202 for what was believed,
// whatever comes of it; the rest is a problem with the reason.
func (o *Official) submit(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, cap.MaxBytes+1)) // one more: what is larger is kept in the list as a file that is too large is
	if err != nil {
		return // the client has gone
	}
	e, err := o.Receive(r.Context(), raw, "api")
	if err != nil {
		o.log.ErrorContext(r.Context(), "official message was not taken", "err", err)
		web.WriteProblem(w, web.Fail(http.StatusInternalServerError, "internal", "the hub could not do this; its log says why"))
		return
	}
	switch {
	case e.Reason == reasonSize:
		w.Header().Set("Connection", "close") // the rest of it is not read
		web.WriteProblem(w, web.Fail(http.StatusRequestEntityTooLarge, "official.too_large", e.Detail))
	case e.State == Replayed:
		web.WriteProblem(w, web.Fail(http.StatusConflict, "official.replayed", "this message was taken before; it is not heard again"))
	case e.Reason == reasonForm:
		web.WriteProblem(w, web.Fail(http.StatusUnprocessableEntity, "official.form", e.Detail))
	case e.Reason == reasonNoKeys:
		web.WriteProblem(w, web.Fail(http.StatusServiceUnavailable, "official.no_keys", e.Detail))
	case e.State == Refused:
		web.WriteProblem(w, web.Fail(http.StatusForbidden, "official."+e.Reason, e.Detail))
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		_ = json.NewEncoder(w).Encode(e)
	}
}

type listInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" doc:"next of the page before"`
}

func (in *listInput) before() (int64, error) {
	if in.Cursor == "" {
		return 1 << 62, nil
	}
	n, err := strconv.ParseInt(in.Cursor, 10, 64)
	if err != nil {
		return 0, web.Fail(http.StatusBadRequest, "request.cursor", "the cursor is not one of a page before: leave it out")
	}
	return n, nil
}

type listOutput struct {
	Body struct {
		Items []Entry `json:"items"`
		Next  string  `json:"next"`
	}
}

func (o *Official) getList(ctx context.Context, in *listInput) (*listOutput, error) {
	before, err := in.before()
	if err != nil {
		return nil, err
	}
	all, err := o.entries(ctx, `WHERE seq < ? ORDER BY seq DESC LIMIT ?`, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := &listOutput{}
	if len(all) > in.Limit {
		all = all[:in.Limit]
		out.Body.Next = strconv.FormatInt(all[in.Limit-1].seq, 10)
	}
	out.Body.Items = all
	return out, nil
}

type idInput struct {
	ID string `path:"id"`
}

type output struct{ Body Entry }

func (o *Official) find(ctx context.Context, id string) (*Entry, error) {
	es, err := o.entries(ctx, `WHERE id = ?`, id)
	if err != nil {
		return nil, err
	}
	if len(es) == 0 {
		return nil, notFound()
	}
	return &es[0], nil
}

func (o *Official) get(ctx context.Context, in *idInput) (*output, error) {
	e, err := o.find(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &output{*e}, nil
}

// getRaw gives a message as it came, as a file: it may have been made to look like a page.
func (o *Official) getRaw(w http.ResponseWriter, r *http.Request) {
	var raw []byte
	id := r.PathValue("id")
	switch err := o.db.Read().QueryRowContext(r.Context(), `SELECT raw FROM official_messages WHERE id = ?`, id).Scan(&raw); {
	case errors.Is(err, sql.ErrNoRows):
		web.WriteProblem(w, notFound())
		return
	case err != nil:
		web.WriteProblem(w, web.Fail(http.StatusInternalServerError, "internal", "the hub could not do this; its log says why"))
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="`+id+`.xml"`)
	_, _ = w.Write(raw)
}

func notFound() *web.Problem {
	return web.Fail(http.StatusNotFound, "official.not_found", "no such message: GET /api/v1/official/messages lists them")
}

// Letter is a message that goes to the authorities.
type Letter struct {
	ID     string `json:"id" doc:"its identifier in CAP"`
	About  string `json:"about" doc:"the official message or the alarm that it is about"`
	At     string `json:"at" format:"date-time"`
	SentAt string `json:"sent_at" doc:"empty: not yet"`
	Tries  int    `json:"tries"`
	Error  string `json:"error" doc:"of the last attempt"`
	XML    string `json:"xml"`
}

type outboxOutput struct {
	Body struct {
		Items []Letter `json:"items"`
		Next  string   `json:"next"`
	}
}

func (o *Official) getOutbox(ctx context.Context, in *listInput) (*outboxOutput, error) {
	before, err := in.before()
	if err != nil {
		return nil, err
	}
	rows, err := o.db.Read().QueryContext(ctx, `SELECT seq, id, about, at, sent_at, tries, error, body FROM official_outbox WHERE seq < ? ORDER BY seq DESC LIMIT ?`, before, in.Limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	out := &outboxOutput{}
	out.Body.Items = []Letter{}
	for rows.Next() {
		var l Letter
		var seq, at, sent int64
		var body []byte
		if err := rows.Scan(&seq, &l.ID, &l.About, &at, &sent, &l.Tries, &l.Error, &body); err != nil {
			return nil, err
		}
		l.At, l.XML = ms(time.UnixMilli(at)), string(body)
		if sent != 0 {
			l.SentAt = ms(time.UnixMilli(sent))
		}
		out.Body.Items = append(out.Body.Items, l)
		if len(out.Body.Items) == in.Limit {
			out.Body.Next = strconv.FormatInt(seq, 10)
		}
	}
	return out, rows.Err()
}
