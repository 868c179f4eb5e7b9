// Package till takes payments for charging over HTTP: a Client for a provider that
// speaks the small contract of docs/protocol.md, and a Till, the provider of the
// demonstration and of tests, which keeps its books in memory.
//
// POST /pay {key, person, amount_fen} and POST /refund {key, payment, amount_fen}
// answer 200; 402 is a refusal, 404 a refund of what was never paid, 409 a key with
// other words. The same key again moves nothing and is answered as before.
package till
