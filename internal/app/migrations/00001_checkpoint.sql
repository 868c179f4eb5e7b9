-- +goose Up
-- How far each follower of the journal has come.
CREATE TABLE checkpoint (
    name TEXT PRIMARY KEY,
    seq  INTEGER NOT NULL
);

-- +goose Down
DROP TABLE checkpoint;
