-- +goose Up
CREATE TABLE rota_shift (
    place INTEGER PRIMARY KEY,  -- order of the list
    data  TEXT NOT NULL         -- JSON of the shift
);
CREATE TABLE rota_override (
    id     TEXT PRIMARY KEY,
    begins INTEGER NOT NULL,    -- Unix ms, as all times here
    ends   INTEGER NOT NULL,
    leaves TEXT NOT NULL,       -- account; '' nobody
    comes  TEXT NOT NULL,       -- account; '' nobody
    reason TEXT NOT NULL,
    author TEXT NOT NULL,
    at     INTEGER NOT NULL     -- written
);
CREATE INDEX rota_override_ends ON rota_override(ends);
CREATE TABLE rota_list (
    name    TEXT NOT NULL,
    place   INTEGER NOT NULL,
    account TEXT NOT NULL,
    PRIMARY KEY (name, place)
);

-- +goose Down
DROP TABLE rota_list;
DROP TABLE rota_override;
DROP TABLE rota_shift;
