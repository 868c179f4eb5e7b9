-- +goose Up
CREATE TABLE cameras (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    zone       TEXT NOT NULL,
    url        TEXT NOT NULL, -- with user and password; never leaves the hub
    sub_url    TEXT NOT NULL,
    x          REAL NOT NULL, -- metres on the plan
    y          REAL NOT NULL,
    heading    REAL NOT NULL, -- degrees
    fov        REAL NOT NULL, -- degrees
    main_codec TEXT NOT NULL, -- JSON, as last seen
    sub_codec  TEXT NOT NULL,
    created_at INTEGER NOT NULL -- Unix ms
);

-- +goose Down
DROP TABLE cameras;
