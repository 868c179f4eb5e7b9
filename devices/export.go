package devices

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// ExportCSV writes all devices with a header, as Import takes them.
func (r *Registry) ExportCSV(context.Context) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	// Never secrets.
	if err := w.Write([]string{"id", "kind", "name", "zone", "labels", "x", "y"}); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	for _, rec := range r.byID() {
		d := rec.view()
		labels := ""
		if len(d.Labels) > 0 {
			text, err := json.Marshal(d.Labels)
			if err != nil {
				return nil, fmt.Errorf("export %s: %w", d.ID, err)
			}
			labels = string(text)
		}
		err := w.Write([]string{d.ID, string(d.Kind), armour(d.Name), d.Zone, labels, number(d.X), number(d.Y)})
		if err != nil {
			return nil, fmt.Errorf("export: %w", err)
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// risky are the first characters that make a spreadsheet take a cell for a
// formula.
const risky = "=+-@\t\r"

// armour puts an apostrophe before what a spreadsheet would carry out, and
// before what looks as if it had one.
func armour(s string) string {
	if s != "" && (strings.IndexByte(risky, s[0]) >= 0 || s[0] == '\'') {
		return "'" + s
	}
	return s
}

// bare takes off what armour put on.
func bare(s string) string {
	if len(s) > 1 && s[0] == '\'' && (strings.IndexByte(risky, s[1]) >= 0 || s[1] == '\'') {
		return s[1:]
	}
	return s
}

// ExportYAML writes zones and devices as a site file. JSON texts are YAML
// (YAML 1.2.2 §1.2), so no name can be taken for something else.
func (r *Registry) ExportYAML(ctx context.Context) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("zones:\n")
	for _, z := range r.Zones(ctx) {
		line(&b, "id", z.ID, "kind", z.Kind, "name", z.Name)
		if z.Shape != [4]float64{} {
			rest(&b, "shape", z.Shape)
		}
		b.WriteString("}\n")
	}
	b.WriteString("devices:\n")
	for _, rec := range r.byID() {
		d := rec.view()
		line(&b, "id", d.ID, "kind", string(d.Kind), "name", d.Name, "zone", d.Zone)
		if len(d.Labels) > 0 {
			rest(&b, "labels", d.Labels)
		}
		if d.X != 0 || d.Y != 0 {
			rest(&b, "x", d.X, "y", d.Y)
		}
		b.WriteString("}\n")
	}
	return b.Bytes(), nil
}

func line(b *bytes.Buffer, first string, value any, more ...any) {
	b.WriteString("  - {" + first + ": " + text(value))
	rest(b, more...)
}

func rest(b *bytes.Buffer, pairs ...any) {
	for i := 0; i+1 < len(pairs); i += 2 {
		b.WriteString(", " + fmt.Sprint(pairs[i]) + ": " + text(pairs[i+1]))
	}
}

// text is a value on one line. Spaces after colons make the JSON object a flow
// mapping for every reader.
func text(v any) string {
	switch v := v.(type) {
	case event.Text:
		return "{zh: " + text(v.ZH) + ", en: " + text(v.EN) + "}"
	case map[string]string:
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, text(k)+": "+text(v[k]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return `""`
	}
	return strings.TrimSpace(b.String())
}

type exportInput struct {
	Format string `query:"format" enum:"csv,yaml" default:"csv"`
}

type exportOutput struct {
	Type        string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (r *Registry) export(ctx context.Context, in *exportInput) (*exportOutput, error) {
	out := &exportOutput{Type: "text/csv; charset=utf-8", Disposition: `attachment; filename="devices.csv"`}
	var err error
	if in.Format == "yaml" {
		out.Type, out.Disposition = "application/yaml", `attachment; filename="site.yaml"`
		out.Body, err = r.ExportYAML(ctx)
	} else {
		out.Body, err = r.ExportCSV(ctx)
	}
	return out, err
}

func (r *Registry) registerExport(a *web.API) {
	web.Register(a, web.Op{
		Method: http.MethodGet, Path: "/devices/export", Summary: "All devices as CSV, or with their zones as a site file; never with secrets",
		Tag: "devices", Action: web.DevicesRead,
	}, r.export)
}
