package notify

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// testWithin is how long a test waits for what comes of it.
const testWithin = 10 * time.Second

// test tells a person that the ways to them work, and waits for the outcome. A
// failure is tried once only.
func (n *Notify) test(ctx context.Context, account string, only []Contact) (*tried, error) {
	name, _ := n.o.People.Name(account)
	me, _ := web.Who(ctx)
	m := Notification{
		Key: "test/" + strings.ToLower(rand.Text()), To: []Recipient{{account, name}}, Priority: event.Low, Deadline: n.now().Add(testWithin),
		Subject: event.Text{ZH: "测试消息", EN: "Test message"},
		Body: event.Text{
			ZH: fmt.Sprintf("%s 在检查能否通知到您，无需处理。", me.Name), EN: fmt.Sprintf("%s checks whether you can be reached. Nothing to do.", me.Name),
		},
	}
	err := n.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		_, err := n.send(ctx, tx, m, only)
		return err
	})
	if err != nil {
		return nil, err
	}
	n.Committed()
	if err := n.o.Feed.Committed(ctx); err != nil {
		return nil, err
	}
	ways, err := n.outcome(ctx, m.Key)
	if err != nil {
		return nil, err
	}
	out := &tried{}
	out.Body.Ways = ways
	out.Body.Delivery = ways[len(ways)-1] // the last is the one that was asked for, the desk is the first
	if i := slices.IndexFunc(ways, func(d Delivery) bool { return d.State != Sent }); i >= 0 {
		out.Body.Delivery = ways[i]
	}
	return out, nil
}

// outcome waits until every delivery of a message has ended or failed once.
func (n *Notify) outcome(ctx context.Context, key string) ([]Delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, testWithin)
	defer cancel()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		ds, err := n.deliveries(context.WithoutCancel(ctx), "m.key = ? ORDER BY d.id", key)
		if err != nil {
			return nil, err
		}
		open := slices.ContainsFunc(ds, func(d Delivery) bool { return d.EndedAt == nil && (d.Attempts == 0 || d.State == Sending) })
		if !open {
			return ds, nil
		}
		select {
		case <-ctx.Done():
			return ds, nil
		case <-look.C:
		}
	}
}
