-- +goose Up
-- Sessions of programs that asked to be kept. What they still have to get is not
-- here: it is read from the journal, behind acknowledged.
CREATE TABLE broker_session (
    client        TEXT    NOT NULL PRIMARY KEY,
    subscriptions TEXT    NOT NULL, -- JSON
    acknowledged  INTEGER NOT NULL, -- number in the journal
    keep_ms       INTEGER NOT NULL,
    left_at       INTEGER NOT NULL  -- 0: connected
);

-- +goose Down
DROP TABLE broker_session;
