// Package agent is the simulated devices of the estate: one MQTT 3.1.1 client
// for each door, lamp, charger, speaker and sensor, speaking docs/protocol.md
// over a real port. They know the hub by its address only, exactly as bought
// devices would.
//
// It must not reach into the hub, and it must not invent words that the protocol
// does not have.
//
// Concurrency: every device is an actor. Its behaviour runs on its own goroutine
// and owns its fields without locks; methods that make something happen (Badge,
// Smoke, PowerOff …) only post to it and may be called from anywhere while
// Fleet.Run runs. A second goroutine per device owns the connection.
package agent
