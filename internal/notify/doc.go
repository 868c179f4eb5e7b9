// Package notify tells people what they have to know where they are: on the desk's
// screens, in the group chat of the property (WeCom, DingTalk, Feishu), by push
// (ntfy), by mail, and to programs by a signed webhook.
//
// A notification is known by its key and is stored once, in the transaction of
// what it is about. From there it goes, per person and channel, through
// small stages:
//
//	expire → dedupe → group → circuit → pace → (out) → retry
//
// Each stage looks at an envelope and lets it pass, holds it back until a time, or
// ends it with a reason. What is held back waits in the database, so a restart
// loses nothing and sends nothing anew that was told to have arrived. Towards the
// outside that is "at least once": a crash between the answer of a receiver and
// its record sends a letter again under the same id.
//
// What is about life safety waits for no group, is never dropped as told already,
// goes ahead of everything else, and has a share of each channel's pace to itself.
//
// This package decides neither whom to tell nor when, judges no alarm, and opens
// no connection to private addresses unless it is told that it may. Addresses with
// keys in them, tokens and passwords are in no log, error, answer or table.
//
// Notify is safe for use by several goroutines.
package notify
