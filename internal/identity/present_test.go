package identity

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"dongyue/internal/web"
)

func TestPresent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := open(t, openDB(t, filepath.Join(t.TempDir(), "hub.db")))
		mustSeed(t, i, operator(), SeedUser{Login: "wang", Name: "王", Role: web.Crew, Password: "a-long-password"})
		for _, login := range []string{"operator", "operator", "wang"} {
			password := operator().Password
			if login == "wang" {
				password = "a-long-password"
			}
			if _, _, _, err := i.SignIn(t.Context(), login, password, "192.0.2.1:1"); err != nil {
				t.Fatal(err)
			}
		}
		if n := i.Present(time.Minute, web.Operator, web.Supervisor); n != 1 {
			t.Errorf("one operator at two screens counts as %d", n)
		}
		time.Sleep(2 * time.Minute)
		if n := i.Present(time.Minute, web.Operator); n != 0 {
			t.Errorf("%d are present who have been away", n)
		}
	})
}
