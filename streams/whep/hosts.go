package whep

import (
	"fmt"
	"hash/fnv"
	"net"
	"slices"
	"strings"
)

// checkHosts refuses what can't stand in a candidate: a browser takes addresses.
func checkHosts(hosts []string) error {
	for _, h := range hosts {
		if net.ParseIP(h) == nil {
			return fmt.Errorf("whep: host %q is not an IP address; name the address by which browsers reach this machine", h)
		}
	}
	return nil
}

// advertise adds host candidates for addresses that this machine does not see on
// its own interfaces: a container's host, or the outer side of an address
// translation. The one port answers whatever the address it was reached by.
func advertise(answer string, hosts []string) string {
	if len(hosts) == 0 {
		return answer
	}
	var out strings.Builder
	media := 0
	for line := range strings.Lines(answer) {
		out.WriteString(line)
		if strings.HasPrefix(line, "m=") {
			media++
		}
		if f, ok := hostCandidate(line); ok && media > 0 && first(answer, line) {
			for _, h := range hosts {
				if net.ParseIP(h).String() != f[4] {
					out.WriteString(elsewhere(f, h) + "\r\n")
				}
			}
		}
	}
	return out.String()
}

// hostCandidate takes a candidate line apart (RFC 8839, 5.1): foundation, component,
// transport, priority, address, port, "typ", "host" …
func hostCandidate(line string) (fields []string, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "a=candidate:")
	if !ok {
		return nil, false
	}
	fields = strings.Fields(rest)
	return fields, len(fields) >= 8 && fields[6] == "typ" && fields[7] == "host"
}

// first reports whether a line is the first candidate of its transport in the
// answer: one is enough to copy.
func first(answer, line string) bool {
	f, _ := hostCandidate(line)
	for l := range strings.Lines(answer) {
		if g, ok := hostCandidate(l); ok && strings.EqualFold(g[2], f[2]) {
			return l == line
		}
	}
	return false
}

// elsewhere is the same candidate at another address, with a foundation of its own.
func elsewhere(f []string, host string) string {
	g := slices.Clone(f)
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(f[0] + host))
	g[0], g[4] = fmt.Sprint(sum.Sum32()), host
	return "a=candidate:" + strings.Join(g, " ")
}
