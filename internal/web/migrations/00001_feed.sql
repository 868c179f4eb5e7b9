-- +goose Up
-- What changed, in the order in which it was committed; browsers resume by seq.
CREATE TABLE feed (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    at    INTEGER NOT NULL, -- Unix ms
    topic TEXT NOT NULL,    -- alarm, device, command, camera …
    data  TEXT NOT NULL     -- JSON
);

-- +goose Down
DROP TABLE feed;
