-- +goose Up
CREATE TABLE charger_reactions (
    id       TEXT PRIMARY KEY,     -- of the alarm's action: the same one never begins twice
    alarm    TEXT NOT NULL,
    device   TEXT NOT NULL,
    part     TEXT NOT NULL,
    rung     TEXT NOT NULL,
    began_at INTEGER NOT NULL,     -- Unix ms, as all times here
    ended_at INTEGER NOT NULL DEFAULT 0,
    card     TEXT NOT NULL DEFAULT '' -- JSON, for the call to 119
);
CREATE INDEX charger_reactions_open ON charger_reactions(ended_at, device);

CREATE TABLE charger_steps (
    reaction TEXT NOT NULL REFERENCES charger_reactions(id),
    place    INTEGER NOT NULL,     -- in the plan
    step     TEXT NOT NULL,        -- JSON
    state    TEXT NOT NULL,        -- waiting, sent, proved, failed, skipped
    sent_at  INTEGER NOT NULL DEFAULT 0,
    ref      TEXT NOT NULL DEFAULT '', -- command, broadcast or cause
    at       INTEGER NOT NULL DEFAULT 0,
    proof    TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (reaction, place)
);

-- Sockets and feeders that were cut and have not been reset on site.
CREATE TABLE charger_cuts (
    device TEXT NOT NULL,
    part   TEXT NOT NULL,          -- '' is the feeder
    at     INTEGER NOT NULL,
    alarm  TEXT NOT NULL,
    reset_at INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (device, part)
);
