package devices

import (
	"bytes"
	"testing"
)

// FuzzReadRows: whatever the file, each row comes out once, as a device or as an
// error, and with a line that the file has.
func FuzzReadRows(f *testing.F) {
	for _, s := range []string{"id,kind,name,zone,secret\ndoor-1,door,x,east,s\n", "a,b\n\"c", "\xEF\xBB\xBFkind\n\n\n", "a\"b,c\nd,e,f,g\r\n", "\"\n\n\",door,x,east\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		rows, bad := readRows(file)
		lines := bytes.Count(file, []byte("\n")) + bytes.Count(file, []byte("\r")) + 1
		if len(rows)+len(bad) > lines {
			t.Fatalf("%d rows and %d errors in %d lines", len(rows), len(bad), lines)
		}
		for _, r := range rows {
			if r.line < 1 || r.line > lines {
				t.Fatalf("line %d of %d", r.line, lines)
			}
		}
		for _, e := range bad {
			if e.Line < 0 || e.Line > lines || e.Code == "" {
				t.Fatalf("got %+v", e)
			}
		}
	})
}
