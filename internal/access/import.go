package access

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// The columns of people in CSV. An import may leave columns out but for name; an
// export has all but card and pin, whose values are not kept.
func csvColumns() []string {
	return []string{
		"id", "name", "kind", "unit", "household", "groups", "escort", "child_until", "card", "card_class", "pin", "doors", "door_groups", "zones",
		"schedule", "valid_from", "valid_to",
	}
}

// Bounds of an import.
const (
	maxImportRows = 20_000
	mostErrors    = 1000
)

// ImportError is what is wrong in one line; the header is line 1.
type ImportError struct {
	Line    int    `json:"line"`
	Column  string `json:"column,omitempty"`
	Message string `json:"message"`
}

// ImportResult says what an import did, or would do.
type ImportResult struct {
	DryRun      bool          `json:"dry_run"`
	Added       int           `json:"added"`
	Changed     int           `json:"changed"`
	Credentials int           `json:"credentials"`
	Rights      int           `json:"rights"`
	Encoding    string        `json:"encoding" enum:"utf-8,gb18030" doc:"as the file was read: look at the names of a dry run where it is not utf-8"`
	Errors      []ImportError `json:"errors"` // with any, nothing was done
}

// importRow is one line, read and checked by itself.
type importRow struct {
	line        int
	given       map[string]int // columns that the file has
	kinded      bool           // and the kind is written, too
	person      PersonInfo
	card, class string
	pin         string
	rights      []RightInfo
}

// parsePeople reads CSV. All errors are found, not only the first; a row with one
// is not returned.
func parsePeople(text []byte) (rows []importRow, errs []ImportError) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	r.FieldsPerRecord = -1
	head, err := r.Read()
	if err != nil {
		return nil, []ImportError{{1, "", "the first line must name the columns: " + strings.Join(csvColumns(), ",")}}
	}
	place := map[string]int{}
	for i, name := range head {
		name = strings.TrimSpace(name)
		if _, twice := place[name]; twice || !slices.Contains(csvColumns(), name) {
			errs = append(errs, ImportError{1, clip(name, 40), "this column is not known, or stands there twice; known are " + strings.Join(csvColumns(), ", ")})
		}
		place[name] = i
	}
	if _, ok := place["name"]; !ok {
		errs = append(errs, ImportError{1, "name", "the column is missing"})
	}
	if len(errs) > 0 {
		return nil, errs
	}
	for len(errs) < mostErrors {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if pe, ok := errors.AsType[*csv.ParseError](err); ok {
			errs = append(errs, ImportError{pe.Line, "", pe.Err.Error()})
			break // what follows would be guessed
		}
		if err != nil {
			return nil, append(errs, ImportError{0, "", err.Error()})
		}
		line, _ := r.FieldPos(0)
		if len(rows) >= maxImportRows {
			return nil, append(errs, ImportError{line, "", fmt.Sprintf("more than %d lines: import in parts", maxImportRows)})
		}
		row, e := parseRow(rec, place, len(head))
		for _, x := range e {
			x.Line = line
			errs = append(errs, x)
		}
		if row.line = line; len(e) == 0 {
			rows = append(rows, row)
		}
	}
	return rows, errs
}

func clip(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}

func parseRow(rec []string, place map[string]int, width int) (row importRow, errs []ImportError) {
	if len(rec) != width {
		return row, []ImportError{{Message: fmt.Sprintf("%d fields, the first line has %d", len(rec), width)}}
	}
	get := func(name string) string {
		if i, ok := place[name]; ok {
			return uncell(strings.TrimSpace(rec[i]))
		}
		return ""
	}
	bad := func(column string, err error) {
		if err != nil {
			errs = append(errs, ImportError{Column: column, Message: strings.TrimPrefix(err.Error(), ErrInvalid.Error()+": ")})
		}
	}
	words := func(name string) []string {
		return strings.FieldsFunc(get(name), func(r rune) bool { return r == ' ' || r == '|' })
	}
	row.given, row.kinded = place, get("kind") != ""
	row.person = PersonInfo{
		ID: get("id"), Name: get("name"), Kind: Kind(get("kind")), Unit: get("unit"), Household: get("household"), Groups: words("groups"),
		Escort: get("escort"), ChildUntil: get("child_until"), Active: true,
	}
	if len(row.person.ID) > 100 {
		bad("id", fmt.Errorf("%w: longer than 100 bytes", ErrInvalid))
	}
	bad("", checkPerson(&row.person))
	if row.person.Kind == Visitor {
		bad("kind", fmt.Errorf("%w: visitors have passes; they are not imported", ErrInvalid))
	}
	if row.card, row.class = normal("card", get("card")), get("card_class"); row.card != "" {
		bad("card", checkCredential(&NewCredential{Type: "card", Class: row.class}, row.card))
	}
	if row.pin = get("pin"); row.pin != "" {
		bad("pin", checkCredential(&NewCredential{Type: "pin"}, row.pin))
	}
	from, err := csvTime(get("valid_from"))
	bad("valid_from", err)
	to, err := csvTime(get("valid_to"))
	bad("valid_to", err)
	add := func(column string, r RightInfo) {
		r.Person, r.Schedule, r.ValidFrom, r.ValidTo = "-", get("schedule"), from, to
		bad(column, checkRight(&r))
		row.rights = append(row.rights, r)
	}
	for _, d := range words("doors") {
		add("doors", RightInfo{Door: d})
	}
	for _, g := range words("door_groups") {
		add("door_groups", RightInfo{DoorGroup: g})
	}
	for _, z := range words("zones") {
		add("zones", RightInfo{Zone: z})
	}
	return row, errs
}

func csvTime(s string) (*time.Time, error) {
	if s == "" {
		return nil, nil //nolint:nilnil // no time and no error: it may be left out
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return nil, fmt.Errorf("%w: %q: write it as 2026-10-01T08:00:00+08:00", ErrInvalid, clip(s, 40))
	}
	return &t, nil
}

// cell keeps a spreadsheet from taking a text for a formula.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r'", rune(s[0])) {
		return "'" + s
	}
	return s
}

// uncell takes back what cell did.
func uncell(s string) string {
	if len(s) > 1 && s[0] == '\'' && strings.ContainsRune("=+-@\t\r'", rune(s[1])) {
		return s[1:]
	}
	return s
}

// errDry rolls an import back that was only tried.
var errDry = errors.New("dry run")

// ImportPeople adds people with cards, PINs and rights, and changes those whose id
// is known. It is done wholly or not at all; dry only says what would be.
func (x *Access) ImportPeople(ctx context.Context, actor string, text []byte, dry bool) (ImportResult, error) {
	text, encoding, wrong := readable(text)
	res := ImportResult{DryRun: dry, Encoding: encoding, Errors: wrong}
	if len(wrong) > 0 {
		return res, nil
	}
	rows, errs := parsePeople(text)
	res.Errors = errs
	x.change.Lock()
	defer x.change.Unlock()
	err := x.db.Tx(ctx, func(tx *sql.Tx) error {
		pins := map[string]int{}
		for i := range rows {
			if len(res.Errors) >= mostErrors {
				break
			}
			if err := x.importRow(ctx, tx, actor, &rows[i], pins, &res); err != nil {
				return err
			}
		}
		if dry || len(res.Errors) > 0 {
			return errDry
		}
		return x.audit.Audit(ctx, tx, actor, "people.imported", "", map[string]any{
			"added": res.Added, "changed": res.Changed, "credentials": res.Credentials, "rights": res.Rights,
		})
	})
	if res.Errors == nil {
		res.Errors = []ImportError{}
	}
	slices.SortStableFunc(res.Errors, func(a, b ImportError) int { return a.Line - b.Line })
	if errors.Is(err, errDry) {
		return res, nil
	}
	if err != nil {
		return res, err
	}
	return res, x.reload(context.WithoutCancel(ctx))
}

// importRow brings one line into the tables. What is wrong with it in view of the
// others goes to the result; only what stops the import is an error.
func (x *Access) importRow(ctx context.Context, tx *sql.Tx, actor string, row *importRow, pins map[string]int, res *ImportResult) error {
	bad := func(column string, err error) error {
		switch {
		case err == nil:
		case errors.Is(err, ErrInvalid), errors.Is(err, ErrTaken), errors.Is(err, ErrNotFound), errors.Is(err, ErrNotYourZone):
			res.Errors = append(res.Errors, ImportError{row.line, column, strings.TrimPrefix(err.Error(), ErrInvalid.Error()+": ")})
		default:
			return fmt.Errorf("line %d: %w", row.line, err)
		}
		return nil
	}
	if err := x.importPerson(ctx, tx, actor, row, res); err != nil {
		return bad("id", err)
	}
	id := row.person.ID
	for _, c := range []struct{ typ, class, value string }{{"card", row.class, row.card}, {"pin", "", row.pin}} {
		if c.value == "" {
			continue
		}
		if c.typ == "pin" {
			if first := pins[c.value]; first != 0 {
				if err := bad("pin", fmt.Errorf("%w: line %d has this PIN, too", ErrInvalid, first)); err != nil {
					return err
				}
				continue
			}
			pins[c.value] = row.line
		}
		n := NewCredential{Type: c.typ, Class: c.class}
		if err := checkCredential(&n, c.value); err != nil {
			return bad(c.typ, err)
		}
		err := x.insertCredential(ctx, tx, CredentialInfo{
			ID: newID("c-"), Person: id, Type: c.typ, Class: n.Class, Last4: last4(c.typ, c.value), CreatedAt: now(),
		}, c.value)
		if err == nil {
			res.Credentials++
		} else if err := bad(c.typ, err); err != nil {
			return err
		}
	}
	for _, r := range row.rights {
		if _, ok := x.doors.Door(r.Door); r.Door != "" && !ok {
			if err := bad("doors", fmt.Errorf("%w: door %s is not registered", ErrInvalid, r.Door)); err != nil {
				return err
			}
			continue
		}
		if err := x.mayGive(ctx, &r); err != nil {
			if err := bad("", err); err != nil {
				return err
			}
			continue
		}
		r.ID, r.Person, r.CreatedAt = newID("r-"), id, now()
		there, err := sameRight(ctx, tx, &r)
		if err != nil {
			return err
		}
		if there {
			continue
		}
		if err := insertRight(ctx, tx, r); err != nil {
			return err
		}
		res.Rights++
	}
	return nil
}

func (x *Access) importPerson(ctx context.Context, tx *sql.Tx, actor string, row *importRow, res *ImportResult) error {
	p := &row.person
	if p.ID == "" {
		if err := notThere(ctx, tx, p); err != nil {
			return err
		}
		p.ID, p.CreatedAt = newID("p-"), now()
		if err := x.mayMake(ctx, nil, p); err != nil {
			return err
		}
		res.Added++
		return insertPerson(ctx, tx, *p)
	}
	was, err := readPerson(ctx, tx, p.ID)
	if err != nil {
		return err // an id is ours to give
	}
	if !was.Active {
		return fmt.Errorf("%w: %s has moved out; let the person move in first", ErrInvalid, p.ID)
	}
	if was.Host != "" {
		return fmt.Errorf("%w: %s is a guest; guests have passes, they are not imported", ErrInvalid, p.ID)
	}
	row.keep(&was)
	if err := checkPerson(p); err != nil {
		return err
	}
	if err := x.mayMake(ctx, &was, p); err != nil {
		return err
	}
	if err := updatePerson(ctx, tx, *p); err != nil {
		return err
	}
	res.Changed++
	return x.moved(ctx, tx, actor, was, *p)
}

// keep leaves a known person as it was where the file says nothing: one with cards only
// must not make a grown-up of a child, nor take anybody out of home and groups.
func (row *importRow) keep(was *PersonInfo) {
	p, has := &row.person, func(column string) bool { _, ok := row.given[column]; return ok }
	if !row.kinded {
		p.Kind = was.Kind
	}
	if !has("unit") {
		p.Unit = was.Unit
	}
	if !has("household") {
		p.Household = was.Household
	}
	if !has("groups") {
		p.Groups = was.Groups
	}
	if !has("escort") {
		p.Escort = was.Escort
	}
	if !has("child_until") && p.Kind == Child {
		p.ChildUntil = was.ChildUntil
	}
}

// notThere refuses somebody who lives there already: the same file a second time, or the
// same line twice, must not make two people of one. The first of them would keep its
// rights when the other moves out.
func notThere(ctx context.Context, tx *sql.Tx, p *PersonInfo) error {
	if p.Household == "" {
		return nil // of a name alone there may be many
	}
	var id string
	err := tx.QueryRowContext(ctx, "SELECT id FROM access_people WHERE unit = ? AND household = ? AND name = ? AND left_at = 0 AND host = '' LIMIT 1", p.Unit, p.Household, p.Name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("import person: %w", err)
	}
	return fmt.Errorf("%w: somebody of this name lives there already, or stands in a line above; to change a person write the id (%s)", ErrInvalid, id)
}

// ExportPeople writes everybody who lives here, with what opens for them, but no
// value of a card or PIN. A person with several sets of rights has several lines.
func (x *Access) ExportPeople(ctx context.Context, w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write(csvColumns()); err != nil {
		return err
	}
	for after := ""; ; {
		ps, err := x.People(ctx, "", "", after, 500)
		if err != nil {
			return err
		}
		if len(ps) == 0 {
			break
		}
		for _, p := range ps {
			after = p.ID
			if !p.Active || p.Kind == Visitor || p.Host != "" {
				continue
			}
			if err := x.exportPerson(ctx, out, p); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

func (x *Access) exportPerson(ctx context.Context, out *csv.Writer, p PersonInfo) error {
	rights, err := x.Rights(ctx, RightsFilter{Person: p.ID}, "", mostPerPerson)
	if err != nil {
		return err
	}
	type when struct{ schedule, from, to string }
	sets, order := map[when][3][]string{}, []when{}
	for _, r := range rights {
		w := when{r.Schedule, stamp(r.ValidFrom), stamp(r.ValidTo)}
		s, there := sets[w]
		if !there {
			order = append(order, w)
		}
		for i, place := range []string{r.Door, r.DoorGroup, r.Zone} {
			if place != "" {
				s[i] = append(s[i], place)
			}
		}
		sets[w] = s
	}
	if len(order) == 0 {
		order = []when{{}}
	}
	for _, w := range order {
		s := sets[w]
		rec := []string{
			p.ID, p.Name, string(p.Kind), p.Unit, p.Household, strings.Join(p.Groups, " "), p.Escort, p.ChildUntil, "", "", "",
			strings.Join(s[0], " "), strings.Join(s[1], " "), strings.Join(s[2], " "), w.schedule, w.from, w.to,
		}
		for i := range rec {
			rec[i] = cell(rec[i])
		}
		if err := out.Write(rec); err != nil {
			return err
		}
	}
	return nil
}

func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339)
}
