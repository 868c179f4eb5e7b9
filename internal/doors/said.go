package doors

import "encoding/json"

// said is what the machine reads of a message.
type said struct {
	Active, Online                             *bool
	By, Decision, Lock, Position, Mode, Status string
}

// read takes of a message what the machine knows. A controller may say more, and may call
// its own things by the same names: what is not of our kind is not ours, and hides nothing
// of the rest.
func read(data []byte) (x said, ok bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil {
		return x, false
	}
	for name, into := range map[string]any{
		"active": &x.Active, "online": &x.Online, "by": &x.By, "decision": &x.Decision,
		"lock": &x.Lock, "position": &x.Position, "mode": &x.Mode, "status": &x.Status,
	} {
		if m, there := members[name]; there {
			_ = json.Unmarshal(m, into) // of another kind: as if it were not there
		}
	}
	return x, true
}
