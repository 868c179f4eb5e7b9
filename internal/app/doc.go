// Package app is the house: it opens the stores, builds the rooms, joins what one
// room needs of another, and runs them until it is told to stop. It is the only
// importer of everything and holds no trade of its own.
//
// The way of an event: broker → ingest (devices decodes, journal commits, the
// device is acknowledged) → follower (twins, doors, broadcasts, rules and alarms in
// one transaction, with the checkpoint) → feed → browsers; what alarms order is
// carried out from the outbox.
package app
