-- +goose Up
CREATE TABLE official_messages (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    sender     TEXT NOT NULL,    -- '' where nothing could be believed
    identifier TEXT NOT NULL,
    state      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    came       TEXT NOT NULL,    -- api or folder
    at         INTEGER NOT NULL, -- Unix ms, as all times
    message    TEXT NOT NULL,    -- JSON, '' where it was not believed
    zones      TEXT NOT NULL,    -- JSON array
    broadcast  TEXT NOT NULL,
    raw        BLOB NOT NULL
);
CREATE UNIQUE INDEX official_messages_once ON official_messages(sender, identifier) WHERE sender <> '';

CREATE TABLE official_outbox (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    id      TEXT NOT NULL UNIQUE, -- identifier of the message
    about   TEXT NOT NULL,
    body    BLOB NOT NULL,
    at      INTEGER NOT NULL,
    tries   INTEGER NOT NULL,
    due     INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,     -- 0: not yet
    error   TEXT NOT NULL
);
CREATE INDEX official_outbox_due ON official_outbox(due) WHERE sent_at = 0;

-- +goose Down
DROP TABLE official_outbox;
DROP TABLE official_messages;
