-- +goose Up
-- Sessions that were ended before their time. Whoever shows the token of one again
-- has a copy of it, or does not live here any more.
CREATE TABLE sessions_ended (
    hash       BLOB PRIMARY KEY,
    account    TEXT NOT NULL,
    created_at INTEGER NOT NULL, -- of the session, Unix ms
    ended_at   INTEGER NOT NULL,
    gone       INTEGER NOT NULL  -- 1: the account was switched off; 0: its owner signed out
);

-- Where an account acts: zones with all below, as a JSON list; empty is everywhere.
ALTER TABLE users ADD COLUMN zones TEXT NOT NULL DEFAULT '[]';

-- +goose Down
ALTER TABLE users DROP COLUMN zones;
DROP TABLE sessions_ended;
