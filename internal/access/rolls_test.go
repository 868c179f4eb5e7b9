package access

import (
	"context"
	"database/sql"
	"slices"
	"testing"
	"time"
)

// roll notes who is taken out of it.
type roll struct{ gone []string }

func (r *roll) ForgetPerson(_ context.Context, _ *sql.Tx, person string) error {
	r.gone = append(r.gone, person)
	return nil
}

// Who is erased stands on no list of names, nor do the guests who came to that person.
func TestErasedFromListsOfNames(t *testing.T) {
	ctx := t.Context()
	h := newHouse(t)
	list := &roll{}
	h.rolls = list
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	h.resident("李秀英", "0011223344", "door-1")
	p, _, err := h.AddPass(ctx, "test", NewPass{Host: id, Name: "张三", To: time.Now().Add(time.Hour)})
	h.must(err)
	e, err := h.AskErasure(ctx, "u", id, "")
	h.must(err)
	h.must(h.AnswerErasure(ctx, "u", e.ID, "好", true))
	want := []string{id, p.Person}
	slices.Sort(want)
	slices.Sort(list.gone)
	if !slices.Equal(list.gone, want) {
		t.Errorf("taken out %v, want %v", list.gone, want)
	}
}
