package devices

import (
	"context"
	"fmt"
)

// ImportSite registers the zones and devices of a site file (YAML). Unlike CSV it
// is taken whole or not at all; what it does not name stays.
func (r *Registry) ImportSite(ctx context.Context, file []byte) (Imported, error) {
	out := Imported{Errors: []RowError{}, Secrets: []NewSecret{}}
	if r.site == nil {
		return out, Refuse(CodeValue, "this hub takes CSV only: send text/csv")
	}
	site, bad := r.site(file)
	if len(bad) > 0 {
		out.Errors = bad
		return out, nil
	}
	r.edit.Lock()
	defer r.edit.Unlock()
	var changed []*record
	for i := range site.Devices {
		d := &site.Devices[i]
		rec := r.find(d.ID)
		switch {
		case rec != nil:
			out.Updated++
			if d.Secret != "" && !rec.has(d.Secret) {
				changed = append(changed, rec)
			}
		case d.Secret == "":
			d.Secret = newSecret()
			out.Secrets = append(out.Secrets, NewSecret{d.ID, d.Secret})
			fallthrough
		default:
			out.Created++
		}
	}
	if err := r.apply(ctx, site); err != nil {
		return Imported{}, fmt.Errorf("import: %w", err)
	}
	for _, rec := range changed {
		r.end(rec)
	}
	return out, nil
}

func (rec *record) has(secret string) bool {
	hash := hashSecret(rec.id, []byte(secret))
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return hash == rec.secret
}
