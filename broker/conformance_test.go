package broker

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/mqtt-conformance.md")

// clause is a normative statement of the standards and its test. v3 and v5 are
// its numbers in MQTT 3.1.1 and MQTT 5; where one is empty, that version has no
// such statement, and the test runs without it.
type clause struct {
	v3, v5 string
	says   string
	test   func(k *kit)
}

// kit is a broker with every topic outside dy/ open, and the version under test.
type kit struct {
	*testing.T
	h *house
	v byte
}

func clauses() (all []clause) {
	for _, part := range [][]clause{framing(), connecting(), sessions(), publishing(), subscribing(), qualities(), topics()} {
		all = append(all, part...)
	}
	return all
}

func (c *clause) name(version byte) string {
	if version == 4 {
		return c.v3
	}
	return c.v5
}

func TestConformance(t *testing.T) {
	for _, c := range clauses() {
		for _, v := range []byte{4, 5} {
			if c.name(v) == "" {
				continue
			}
			t.Run(fmt.Sprintf("%s/%s", map[byte]string{4: "3.1.1", 5: "5"}[v], c.name(v)), func(t *testing.T) {
				t.Parallel()
				h := start(t, func(o *Options) { o.OpenTopics, o.AnonymousOpen = []string{"#"}, true })
				c.test(&kit{T: t, h: h, v: v})
			})
		}
	}
}

const conformancePage = "../docs/mqtt-conformance.md"

const conformanceHead = `# MQTT conformance

The normative statements of MQTT 3.1.1 and MQTT 5 (OASIS) that are tested, by clause, in our words; the standards' are what counts. A number
without a hyphen is a section whose statement has none of its own. Each is a subtest:

    go test ./broker -run 'TestConformance/5/MQTT-3.1.2-22$'

The tests speak raw TCP to a hub whose topics outside dy/ are open (` + "`mqtt.open_topics: [\"#\"]`, `mqtt.anonymous_open: true`" + `), the profile for a
conformance suite of others. Below dy/ the hub allows less than the standards do: a client may only use its own topics, and what it may
not is answered as they say (MQTT 5: reason 0x87; 3.1.1: the connection is closed, or SUBACK 0x80). QoS 1 and 2 from devices are
acknowledged only when they are on disk. Besides these, ` + "`broker/defects_test.go`" + ` has known defects of embedded brokers, ` + "`broker/frame_test.go`" + ` malformed
packets and their fuzz target.

Not there: enhanced authentication (4.12; AUTH is answered with DISCONNECT 0x82, an authentication method with CONNACK 0x8C), server redirection
(4.11), MQTT 3.1. This page is made from the table in ` + "`broker/conformance_*_test.go`: `go test ./broker -run TestConformancePage -update`" + `.

| MQTT 5 | 3.1.1 | what must be |
|---|---|---|
`

func TestConformancePage(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(conformanceHead)
	n3, n5, seen := 0, 0, map[string]bool{}
	for _, c := range clauses() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", strings.TrimPrefix(c.v5, "MQTT-"), strings.TrimPrefix(c.v3, "MQTT-"), c.says)
		for _, x := range []string{"5 " + c.v5, "3 " + c.v3} {
			if len(x) > 2 && seen[x] {
				t.Errorf("%s is there twice", x)
			}
			seen[x] = true
		}
		if c.v3 != "" {
			n3++
		}
		if c.v5 != "" {
			n5++
		}
	}
	fmt.Fprintf(&b, "\n%d statements of MQTT 5, %d of 3.1.1.\n", n5, n3)
	if *update {
		if err := os.WriteFile(conformancePage, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(conformancePage)
	if err != nil || !bytes.Equal(old, b.Bytes()) {
		t.Errorf("%s is not of this table (%v); run with -update", conformancePage, err)
	}
}
