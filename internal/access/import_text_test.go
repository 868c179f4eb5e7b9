package access

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// Files as spreadsheets write them: what is read is read right, and the rest refused.
func TestImportReadsWhatSpreadsheetsWrite(t *testing.T) {
	ctx := context.Background()
	const text = "name,unit,household\r\n王芳,east/b01/u1,0302\r\n欧阳䶮,east/b01/u1,0303\r\n"
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	wide, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		file, encoding string
		bad            bool
	}{
		"as it is": {text, utf8Text, false}, "with a mark": {"\xef\xbb\xbf" + text, utf8Text, false}, "gbk": {gb, gbText, false},
		"utf-16": {wide, utf8Text, true}, "cut within a character": {gb[:strings.Index(gb, ",east")-1] + "\xff\xff,\r\n", gbText, true}, "with a nul": {"name\na\x00b\n", utf8Text, true},
		"read wrong before": {"name\n王\uFFFD\n", utf8Text, true}, "empty": {"", utf8Text, true}, "semicolons": {strings.ReplaceAll(text, ",", ";"), utf8Text, true},
	} {
		h := newHouse(t)
		res, err := h.ImportPeople(ctx, "test", []byte(c.file), false)
		h.must(err)
		ps, err := h.People(ctx, "", "", "", 10)
		h.must(err)
		if res.Encoding != c.encoding || (len(res.Errors) > 0) != c.bad || c.bad && len(ps) > 0 {
			t.Errorf("%s: %+v, %d people", what, res, len(ps))
		}
		names := map[string]bool{}
		for _, p := range ps {
			names[p.Name] = true
		}
		if !c.bad && (!names["王芳"] || !names["欧阳䶮"]) {
			t.Errorf("%s: read as %v", what, names)
		}
	}
}

// The same file a second time, or one line twice, makes no second person.
func TestImportMakesNobodyTwice(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	const text = "name,unit,household,zones\n王芳,east/b01/u1,0302,east/b01/u1\n王芳,east/b01/u1,0303,\n"
	first, err := h.ImportPeople(ctx, "test", []byte(text), false)
	h.must(err)
	if first.Added != 2 || len(first.Errors) != 0 {
		t.Fatalf("%+v", first)
	}
	for what, c := range map[string]struct{ file, lines string }{
		"again":      {text, "[2 3]"},
		"line twice": {"name,unit,household\n赵六,east/b01/u1,0401\n赵六,east/b01/u1,0401\n", "[3]"},
	} {
		res, err := h.ImportPeople(ctx, "test", []byte(c.file), false)
		h.must(err)
		lines := []int{}
		for _, e := range res.Errors {
			lines = append(lines, e.Line)
		}
		if fmt.Sprint(lines) != c.lines {
			t.Errorf("%s: %+v", what, res)
		}
	}
	ps, err := h.People(ctx, "", "", "", 10)
	h.must(err)
	if len(ps) != 2 {
		t.Fatalf("%d people", len(ps))
	}
	_, err = h.MoveOut(ctx, "test", ps[0].ID) // who has left may come back as somebody new
	h.must(err)
	res, err := h.ImportPeople(ctx, "test", fmt.Appendf(nil, "name,unit,household\n王芳,%s,%s\n", ps[0].Unit, ps[0].Household), false)
	h.must(err)
	if res.Added != 1 {
		t.Errorf("%+v", res)
	}
	guest := h.login("chen", "resident", h.resident("陈建国", "04A1B2C3D4", "door-1"))
	p := h.invite(pass("", 0), guest)
	res, err = h.ImportPeople(ctx, "test", fmt.Appendf(nil, "id,name,kind\n%s,张三,staff\n", p["person"]), false)
	h.must(err)
	if len(res.Errors) != 1 {
		t.Errorf("a guest becomes staff: %+v", res)
	}
}

// A file that has not all columns changes what it has, and nothing else.
func TestImportKeepsWhatItDoesNotName(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	p, err := h.AddPerson(ctx, "test", PersonInfo{Name: "小明", Unit: "east/b01/u1", Household: "0302", Kind: Child, ChildUntil: "2099-05-04", Escort: EscortHousehold, Groups: []string{"school"}})
	h.must(err)
	_, err = h.AddRight(ctx, "test", RightInfo{Person: p.ID, Zone: "east/b01/u1"})
	h.must(err)
	for _, c := range []struct{ file, want string }{
		{"id,name,card\n%s,王小明,04A1B2C3D4\n", "王小明 child east/b01/u1 0302 [school] household 2099-05-04"},
		{"id,name,kind,groups\n%s,王小明,,\n", "王小明 child east/b01/u1 0302 [] household 2099-05-04"},
		{"id,name,household,escort\n%s,王小明,0303,\n", "王小明 child east/b01/u1 0303 []  2099-05-04"},
		{"id,name,kind\n%s,王小明,resident\n", "王小明 resident east/b01/u1 0303 []  "},
		{"id,name,unit\n%s,王小明,\n", "王小明 resident  0303 []  "},
	} {
		res, err := h.ImportPeople(ctx, "test", fmt.Appendf(nil, c.file, p.ID), false)
		h.must(err)
		is, err := readPerson(ctx, h.db.Read(), p.ID)
		h.must(err)
		if got := fmt.Sprint(is.Name, " ", is.Kind, " ", is.Unit, " ", is.Household, " ", is.Groups, " ", is.Escort, " ", is.ChildUntil); got != c.want || len(res.Errors) > 0 {
			t.Errorf("%q: %s, want %s; %v", c.file, got, c.want, res.Errors)
		}
	}
}
