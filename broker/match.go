package broker

import "strings"

// matches reports whether a topic matches a filter (MQTT 5, 4.7).
func matches(filter, topic string) bool {
	if strings.HasPrefix(topic, "$") && (strings.HasPrefix(filter, "#") || strings.HasPrefix(filter, "+")) {
		return false // 4.7.2-1
	}
	for {
		f, frest, fmore := strings.Cut(filter, "/")
		if f == "#" {
			return true
		}
		t, trest, tmore := strings.Cut(topic, "/")
		if f != "+" && f != t {
			return false
		}
		if !tmore {
			return !fmore || frest == "#" // sport/# matches sport
		}
		if !fmore {
			return false
		}
		filter, topic = frest, trest
	}
}

// covers reports whether every topic that matches inner matches outer.
func covers(outer, inner string) bool {
	for {
		o, orest, omore := strings.Cut(outer, "/")
		if o == "#" {
			return true
		}
		i, irest, imore := strings.Cut(inner, "/")
		if i == "#" || o != "+" && o != i {
			return false
		}
		if !imore {
			return !omore || orest == "#"
		}
		if !omore {
			return false
		}
		outer, inner = orest, irest
	}
}
