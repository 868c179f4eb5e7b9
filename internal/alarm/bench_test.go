package alarm

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

// cpu is the processor time that the process has used: it says more than the
// clock on a machine that others use too.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// perAlarm reports what an alarm cost.
func perAlarm(b *testing.B, since time.Duration, n int) {
	b.Helper()
	b.ReportMetric(float64((cpu()-since).Microseconds())/float64(b.N*n), "cpu-µs/alarm")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/alarm")
}

// workshop is a store for measuring.
func workshop(b *testing.B) (*db.DB, *Alarms) {
	b.Helper()
	ctx := context.Background()
	d, err := db.Open(ctx, filepath.Join(b.TempDir(), "hub.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = d.Close() })
	feed, err := web.NewFeed(ctx, d)
	if err != nil {
		b.Fatal(err)
	}
	a, err := New(ctx, Options{DB: d, Feed: feed})
	if err != nil {
		b.Fatal(err)
	}
	return d, a
}

func (a *Alarms) applyAll(b *testing.B, d *db.DB, signals []Signal) {
	b.Helper()
	err := d.Tx(context.Background(), func(tx *sql.Tx) error {
		_, err := a.Apply(context.Background(), tx, signals)
		return err
	})
	if err == nil {
		err = a.Committed(context.Background())
	}
	if err != nil {
		b.Fatal(err)
	}
}

func nth(i int, raised bool) Signal {
	return Signal{
		Rule: "device.offline", Device: fmt.Sprintf("door-%05d", i), Zone: fmt.Sprintf("east/b%02d/u%d", i/100%11, i%4), Kind: event.Door,
		Raised: raised, Measured: true, At: epoch(), Priority: event.Medium, Title: event.Text{ZH: "{name}离线", EN: "{name} is offline"},
		Place: "court", Causes: []string{"power.area_lost"}, Via: fmt.Sprintf("feeder-e/switch-e%02d", i/100%11),
		Evidence: event.Event{Seq: uint64(i), ID: fmt.Sprint(i), Device: fmt.Sprintf("door-%05d", i), Data: []byte(`{"online":false,"reason":"keepalive"}`)},
	}
}

// One signal, one transaction, on disk: what an alarm costs when it comes alone,
// and how much of that is the disk.
func BenchmarkApplySingle(b *testing.B) {
	d, a := workshop(b)
	began := cpu()
	for i := 0; b.Loop(); i++ {
		a.applyAll(b, d, []Signal{nth(i, true)})
	}
	perAlarm(b, began, 1)
}

// The same beside 10,000 that are open.
func BenchmarkApplySingleAmongMany(b *testing.B) {
	d, a := workshop(b)
	for n := 0; n < 10_000; n += 1000 {
		var s []Signal
		for i := range 1000 {
			s = append(s, nth(100_000+n+i, true))
		}
		a.applyAll(b, d, s)
	}
	began := cpu()
	for i := 0; b.Loop(); i++ {
		a.applyAll(b, d, []Signal{nth(i, true)})
	}
	perAlarm(b, began, 1)
}

// A flood: a thousand new alarms in one transaction.
func BenchmarkApplyBatch(b *testing.B) {
	d, a := workshop(b)
	const n = 1000
	began := cpu()
	for at := 0; b.Loop(); at += n {
		s := make([]Signal, n)
		for i := range s {
			s[i] = nth(at+i, true)
		}
		a.applyAll(b, d, s)
	}
	perAlarm(b, began, n)
}
