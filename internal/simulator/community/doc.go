// Package community is the model of 東嶽花苑: its plan, its devices, its cameras
// and the people who live there. The demonstration is seeded from it and the
// simulated devices take their identity from it.
//
// It is a pure function of a seed and an installation key: it opens nothing,
// keeps nothing and knows no room of the hub. A Community is plain data; it is
// never changed after it has been made and may be read from any goroutine.
package community
