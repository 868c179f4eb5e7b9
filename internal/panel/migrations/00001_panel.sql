-- +goose Up
CREATE TABLE panel_notices (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL UNIQUE,
    ref         TEXT NOT NULL,    -- the official message; '' for a notice of the house
    zones       TEXT NOT NULL,    -- JSON array
    text        TEXT NOT NULL,
    colour      TEXT NOT NULL,
    rank        INTEGER NOT NULL, -- as of broadcasts: 2 official and grave, 5 the rest
    exercise    INTEGER NOT NULL,
    author      TEXT NOT NULL,
    released_by TEXT NOT NULL,    -- '' while it waits for a second person
    at          INTEGER NOT NULL, -- Unix ms, as all times
    until       INTEGER NOT NULL,
    ended_at    INTEGER NOT NULL  -- 0: nobody has ended it
);
CREATE UNIQUE INDEX panel_notices_ref ON panel_notices(ref) WHERE ref <> '';
CREATE INDEX panel_notices_open ON panel_notices(ended_at, until);

-- +goose Down
DROP TABLE panel_notices;
