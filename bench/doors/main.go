// Command doors measures what somebody at a door waits for, beside other devices'
// events: badge → unlock at the door, badge → row in the operator's stream, a crowd
// that comes home, and how soon a card that was taken away opens no door any more –
// when the door asks, and when it goes by its own list of rights.
//
//	go run ./bench/doors -hub bin/dongyue                       # 275 doors, 20,000 cards, 700 events a second
//	go run ./bench/doors -hub bin/dongyue -people 2000          # in two minutes
//
// Each person opens the own stair and ten gates; with -everywhere every door, the most
// that lists can hold. The hub is a process of its own with an empty folder, the doors
// are MQTT sessions that verify and keep their lists as controllers do. The table goes
// to standard output, with -json the same as JSON. The exit code is 1 when a goal is
// missed.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"dongyue/bench/rig"
)

const (
	secret = "bench-secret-0123456789"
	gates  = 10
)

type settings struct {
	hub, json            string
	doors, people        int
	talkers, events      int
	rate, crowd, revokes int
	length, crowdIn      time.Duration
	everywhere           bool
}

func main() {
	var s settings
	flag.StringVar(&s.hub, "hub", "bin/dongyue", "the hub's binary")
	flag.IntVar(&s.doors, "doors", 275, "doors, ten of them gates")
	flag.IntVar(&s.people, "people", 20_000, "residents, one card each")
	flag.BoolVar(&s.everywhere, "everywhere", false, "everybody opens every door")
	flag.IntVar(&s.talkers, "talkers", 100, "devices that send the other events")
	flag.IntVar(&s.events, "events", 700, "their events a second, QoS 1")
	flag.IntVar(&s.rate, "rate", 20, "badges a second")
	flag.DurationVar(&s.length, "for", 30*time.Second, "how long they come")
	flag.IntVar(&s.crowd, "crowd", 200, "residents who come home together")
	flag.DurationVar(&s.crowdIn, "in", time.Minute, "within so long, at 100 doors")
	flag.IntVar(&s.revokes, "revoked", 60, "cards that are taken away, two a second")
	flag.StringVar(&s.json, "json", "", "write the figures into this file")
	flag.Parse()
	if err := s.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// figures are what is measured.
type figures struct {
	Doors     int        `json:"doors"`
	Cards     int        `json:"cards"`
	Entries   int        `json:"list_entries"`
	Events    float64    `json:"events_per_s"`
	Unacked   int64      `json:"unacknowledged"`
	Import    float64    `json:"import_s"`
	Lists     float64    `json:"import_to_all_lists_at_their_controllerss"`
	Unlock    rig.Spread `json:"badge_to_unlock"`
	Screen    rig.Spread `json:"badge_to_stream"`
	Wrong     int        `json:"badges_unanswered_or_refused"`
	Crowd     int        `json:"crowd"`
	CrowdIn   int        `json:"crowd_all_in"`
	CrowdWait rig.Spread `json:"crowd_badge_to_unlock"`
	Refused   rig.Spread `json:"revoked_to_refused_by_the_hub"`
	Revoked   rig.Spread `json:"revoked_to_gone_from_every_list"`
	Late      int        `json:"revoked_and_still_open"`
	Rebuild   float64    `json:"all_lists_rebuilt_s"`
	Whole     float64    `json:"rebuilt_to_acknowledged_by_every_door_s"`
	Cores     float64    `json:"hub_cores"`
	Memory    float64    `json:"hub_memory_most_mb"`
}

func (s *settings) run(ctx context.Context) (err error) {
	hub, err := rig.Start(ctx, s.hub, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hub.Stop()) }()
	api, err := hub.SignIn(ctx, "admin", rig.Password)
	if err != nil {
		return err
	}
	f := figures{Doors: s.doors, Cards: s.people}
	b := &bench{settings: s, hub: hub, api: api, f: &f, asked: map[string]*asking{}}
	defer b.close()
	if err := b.furnish(ctx); err != nil {
		return err
	}
	if err := b.measure(ctx); err != nil {
		return err
	}
	_, f.Memory = hub.Memory()
	return s.report(f)
}

// furnish registers the devices, connects the doors, imports the people and waits
// until every door has the list of all of them.
func (b *bench) furnish(ctx context.Context) error {
	b.ids, b.chargers = names("door", b.doors), names("charger", b.talkers)
	if err := errors.Join(
		b.api.Register(ctx, "door", secret, b.ids, zone),
		b.api.Register(ctx, "charger", secret, b.chargers, func(int) string { return "estate/shed" }),
	); err != nil {
		return err
	}
	var key struct {
		PublicKey string `json:"public_key"`
	}
	if err := b.api.Get(ctx, "/door-lists/key", &key); err != nil {
		return err
	}
	signer, err := base64.StdEncoding.DecodeString(key.PublicKey)
	if err != nil {
		return err
	}
	if err := b.connect(signer); err != nil {
		return err
	}
	began := time.Now()
	_, said, err := b.api.Do(ctx, "POST", "/api/v1/people/import", "text/csv", b.census())
	if err != nil {
		return err
	}
	var result struct {
		Added  int
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(said, &result); err != nil || len(result.Errors) > 0 || result.Added != b.people {
		return fmt.Errorf("people not imported: %.300s %w", said, err)
	}
	b.f.Import = time.Since(began).Seconds()
	b.f.Entries = b.people * (1 + min(gates, b.doors-1))
	if b.everywhere {
		b.f.Entries = b.people * b.doors
	}
	fmt.Fprintf(os.Stderr, "%d people imported in %.1f s; their cards are stretched now, some 5 ms of a core each\n", b.people, b.f.Import)
	if err := b.settled(ctx, b.f.Entries, time.Minute+time.Duration(b.people)*50*time.Millisecond); err != nil {
		return err
	}
	b.f.Lists = time.Since(began).Seconds()
	return nil
}

func names(what string, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s-%03d", what, i)
	}
	return ids
}

// zone puts the gates at the community, every other door into a building.
func zone(i int) string {
	if i < gates {
		return "estate"
	}
	return fmt.Sprintf("estate/b%03d", i)
}

func card(n int) string { return fmt.Sprintf("04%08X", n*2654435761%(1<<32)) }

// home is the door of somebody's stair.
func (b *bench) home(n int) int {
	if b.doors <= gates {
		return n % b.doors
	}
	return gates + n%(b.doors-gates)
}

func (b *bench) census() []byte {
	var t strings.Builder
	t.WriteString("name,card,card_class,doors,zones\n")
	gate := strings.Join(b.ids[:min(gates, b.doors)], " ")
	for n := range b.people {
		doors, zones := b.ids[b.home(n)]+" "+gate, ""
		if b.everywhere {
			doors, zones = "", "estate"
		}
		fmt.Fprintf(&t, "Resident %d,%s,crypto,%s,%s\n", n, card(n), doors, zones)
	}
	return []byte(t.String())
}
