-- +goose Up
CREATE TABLE broadcasts (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    zones      TEXT NOT NULL,    -- JSON array
    text       TEXT NOT NULL,    -- as given; the exercise preface is added on the way out
    url        TEXT NOT NULL,
    priority   INTEGER NOT NULL, -- 1 fire … 6 music
    mode       TEXT NOT NULL,
    repeat     INTEGER NOT NULL,
    volume_pct REAL,             -- NULL: as the speaker is set
    actor      TEXT NOT NULL,
    ref        TEXT NOT NULL,
    idem_key   TEXT,
    at         INTEGER NOT NULL, -- Unix ms, as all times
    deadline   INTEGER NOT NULL, -- of the beginning
    open       INTEGER NOT NULL  -- 1 while a node may still change
);
CREATE UNIQUE INDEX broadcasts_key ON broadcasts(actor, idem_key);
CREATE INDEX broadcasts_open ON broadcasts(open, deadline);

CREATE TABLE broadcast_nodes (
    broadcast TEXT NOT NULL REFERENCES broadcasts(id) ON DELETE CASCADE,
    device    TEXT NOT NULL,
    state     TEXT NOT NULL,
    at        INTEGER NOT NULL,
    error     TEXT NOT NULL,
    command   TEXT NOT NULL,     -- id of the play command, '' until it is given
    PRIMARY KEY (broadcast, device)
);
CREATE INDEX broadcast_nodes_command ON broadcast_nodes(command);

-- +goose Down
DROP TABLE broadcast_nodes;
DROP TABLE broadcasts;
