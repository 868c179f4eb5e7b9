package devices

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"dongyue/internal/event"
)

// maxImport bounds a file: 20,000 devices of 200 bytes.
const maxImport = 4 << 20

// Imported says what an import did.
type Imported struct {
	Created int         `json:"created"`
	Updated int         `json:"updated"`
	Errors  []RowError  `json:"errors" doc:"rows that were not taken; the others were"`
	Secrets []NewSecret `json:"secrets" doc:"of new devices that came without one; shown only here"`
}

// RowError is a row of an import that was not taken.
type RowError struct {
	Line   int    `json:"line" doc:"of the file, from 1"`
	ID     string `json:"id"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// NewSecret is a secret, for the one time that it is shown.
type NewSecret struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

// Import registers the devices of a CSV file (RFC 4180, UTF-8) with the columns
// id, kind, name, zone, secret; a first row of these names may order them
// otherwise, and bring labels (a JSON object), x and y. Good rows are taken together, bad ones reported with their line.
// For a device that exists, name and zone are changed, and the secret where one
// is given.
func (r *Registry) Import(ctx context.Context, file []byte) (Imported, error) {
	rows, bad := readRows(file)
	r.edit.Lock()
	defer r.edit.Unlock()
	out := Imported{Errors: bad, Secrets: []NewSecret{}}
	var entries []entry
	var changed []string
	lines := map[string]int{}
	for _, row := range rows {
		if first, twice := lines[row.d.ID]; twice {
			out.Errors = append(out.Errors, RowError{row.line, row.d.ID, CodeDuplicate, fmt.Sprintf("the device stands already in line %d", first)})
			continue
		}
		lines[row.d.ID] = row.line
		old := r.find(row.d.ID)
		if old != nil { // what the file does not say stays
			d := old.view()
			if !row.labels {
				row.d.Labels = d.Labels
			}
			if !row.placed {
				row.d.X, row.d.Y = d.X, d.Y
			}
		} else if row.d.Secret == "" {
			row.d.Secret = newSecret()
			row.made = true
		}
		e, differs, err := r.seed(row.d)
		if err != nil {
			out.Errors = append(out.Errors, rowError(row.line, row.d.ID, err))
			continue
		}
		if row.made {
			out.Secrets = append(out.Secrets, NewSecret{row.d.ID, row.d.Secret})
		}
		if old == nil {
			out.Created++
		} else {
			out.Updated++
			if e.secret != nil {
				changed = append(changed, row.d.ID)
			}
		}
		if differs {
			entries = append(entries, e)
		}
	}
	if len(entries) > 0 {
		if err := r.write(ctx, nil, entries); err != nil {
			return Imported{}, err
		}
	}
	for _, id := range changed {
		if rec := r.find(id); rec != nil {
			r.end(rec)
		}
	}
	slices.SortStableFunc(out.Errors, func(a, b RowError) int { return cmp.Compare(a.Line, b.Line) })
	return out, nil
}

type row struct {
	line int
	d    SeedDevice
	made bool // the secret

	labels, placed bool // the file says them
}

// readRows reads what can be read; a row that csv can't take apart is reported
// and the next ones are read on.
func readRows(file []byte) ([]row, []RowError) {
	file = bytes.TrimPrefix(file, []byte("\xEF\xBB\xBF")) // Excel writes a mark of byte order
	cr := csv.NewReader(bytes.NewReader(file))
	cr.FieldsPerRecord = -1
	cr.TrimLeadingSpace = true
	columns := []string{"id", "kind", "name", "zone", "secret"}
	var rows []row
	bad := []RowError{}
	for first := true; ; first = false {
		fields, err := cr.Read()
		if errors.Is(err, io.EOF) {
			return rows, bad
		}
		if pe, ok := errors.AsType[*csv.ParseError](err); ok {
			bad = append(bad, RowError{Line: pe.StartLine, Code: "csv.form", Detail: pe.Err.Error()})
			continue
		}
		if err != nil {
			return rows, append(bad, RowError{Code: "csv.form", Detail: err.Error()})
		}
		line, _ := cr.FieldPos(0)
		if first && isHeader(fields) {
			columns = fields
			continue
		}
		one, err := readRow(columns, fields)
		if err != nil {
			bad = append(bad, rowError(line, one.d.ID, err))
			continue
		}
		one.line = line
		rows = append(rows, one)
	}
}

func isHeader(fields []string) bool {
	for _, f := range fields {
		if strings.EqualFold(strings.TrimSpace(f), "kind") {
			return true
		}
	}
	return false
}

func readRow(columns, fields []string) (row, error) {
	var one row
	if len(fields) > len(columns) {
		return one, Refuse("csv.columns", "%d columns; %s are wanted", len(fields), strings.Join(columns, ","))
	}
	for i, f := range fields {
		f = strings.TrimSpace(f)
		switch strings.ToLower(strings.TrimSpace(columns[i])) {
		case "id":
			one.d.ID = f
		case "kind":
			one.d.Kind = event.Kind(f)
		case "name":
			one.d.Name = bare(f)
		case "zone":
			one.d.Zone = f
		case "secret":
			one.d.Secret = f
		case "labels":
			if one.labels = true; f != "" && json.Unmarshal([]byte(f), &one.d.Labels) != nil {
				return one, Refuse(CodeValue, `labels: a JSON object of texts such as {"maker":"x"} is wanted`)
			}
		case "x", "y":
			v, err := strconv.ParseFloat(cmp.Or(f, "0"), 64)
			if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
				return one, Refuse(CodeValue, "x, y: metres such as 12.5 are wanted")
			}
			if one.placed = true; strings.EqualFold(strings.TrimSpace(columns[i]), "x") {
				one.d.X = v
			} else {
				one.d.Y = v
			}
		}
	}
	if len(fields) < 4 {
		return one, Refuse("csv.columns", "%d columns; id,kind,name,zone and perhaps secret are wanted", len(fields))
	}
	return one, nil
}

func rowError(line int, id string, err error) RowError {
	e := RowError{Line: line, ID: id, Code: codeOf(err), Detail: err.Error()}
	if ref, ok := errors.AsType[*Refusal](err); ok {
		e.Detail = ref.Detail
	}
	return e
}
