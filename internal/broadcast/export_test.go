package broadcast

import "context"

// Give gives what is decided, as Run does.
func (b *Broadcasts) Give(ctx context.Context) error { return b.give(ctx) }

// PassOn reads what a microphone sends.
var PassOn = passOn

// ToLookAt is which broadcasts Run looks at.
const ToLookAt = toLookAt
