// Package charging keeps the money of charging sessions: what a resident asked
// for, what the meter gave, what it cost, and what came back.
//
//	paying → starting → charging → ended → refunding → settled
//	   │         └─ did not start ──────────↗
//	   └→ unpaid (declined)
//
// A session is known by (cabinet, socket, id) and settled once: the bill is made
// in the transaction that ends it, and money moves under keys made of its id, so
// that neither a crash nor a provider that answers twice moves it again.
//
// The bill is energy × tariff, electricity and service apart (发改办价格〔2024〕537号),
// each rounded half up to the fen. Money is whole fen, energy whole milliwatt-hours.
// Energy is the sum of what the meter has advanced: a meter that is rolled back
// takes nothing off the bill and adds nothing, and is told. Nothing counts from the
// moment on at which the hub cut the socket for safety.
//
// The room judges no curve and cuts nothing.
package charging
