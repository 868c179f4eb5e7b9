// Package archtest keeps the import rules of the house as a test: which room
// may enter which, each rule with its reason. It holds no production code.
package archtest
