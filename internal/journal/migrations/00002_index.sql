-- +goose Up
-- The truth is in the segment files; this file answers queries. The table holds
-- how far it has come.
CREATE TABLE journal_index (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL
);

-- +goose Down
DROP TABLE journal_index;
