package access

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
)

func trailHead() []string {
	return []string{"at", "received_at", "door", "door_name", "zone", "side", "decision", "reason", "by", "type", "last4", "late", "flag"}
}

// trailPage is how many rows are read at a time.
const trailPage = 1000

// writeTrail writes somebody's badges, oldest first. No cell is one that a spreadsheet
// would carry out.
func (x *Access) writeTrail(ctx context.Context, w io.Writer, t *Trail) error {
	var all []Badge
	for before := int64(0); ; {
		bs, err := x.Badges(ctx, BadgeFilter{Person: t.Person, From: t.From, To: t.To, Before: before}, trailPage)
		if err != nil {
			return err
		}
		all = append(all, bs...)
		if len(bs) < trailPage {
			break
		}
		before = bs[len(bs)-1].ID
	}
	out := csv.NewWriter(w)
	if err := out.Write(trailHead()); err != nil {
		return fmt.Errorf("write badge trail: %w", err)
	}
	for i := len(all) - 1; i >= 0; i-- {
		if err := out.Write(trailRow(&all[i])); err != nil {
			return fmt.Errorf("write badge trail: %w", err)
		}
	}
	out.Flush()
	return out.Error()
}

// trailTime has its milliseconds always, so that sheets sort moments as they sort text.
const trailTime = "2006-01-02T15:04:05.000Z07:00"

func trailRow(b *Badge) []string {
	row := []string{
		b.At.Format(trailTime), b.ReceivedAt.Format(trailTime), b.Door, b.DoorName, b.Zone, b.Side, b.Decision, string(b.Reason), b.By,
		b.Type, b.Last4, strconv.FormatBool(b.Late), string(b.Flag),
	}
	for i := range row {
		row[i] = cell(row[i])
	}
	return row
}
