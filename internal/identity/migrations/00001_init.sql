-- +goose Up
CREATE TABLE users (
    id          TEXT PRIMARY KEY,
    login       TEXT NOT NULL UNIQUE,       -- lower case
    name        TEXT NOT NULL,
    role        TEXT NOT NULL,
    person      TEXT NOT NULL DEFAULT '',   -- a resident's id in access
    hash        TEXT NOT NULL,              -- argon2id, PHC form
    must_change INTEGER NOT NULL DEFAULT 0, -- the password was made by the hub
    disabled    INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL            -- Unix ms
);

CREATE TABLE sessions (
    hash       BLOB PRIMARY KEY, -- SHA-256 of the cookie
    account    TEXT NOT NULL REFERENCES users(id),
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL, -- at most five minutes behind
    address    TEXT NOT NULL
);
CREATE INDEX sessions_account ON sessions(account);

CREATE TABLE tokens (
    id         TEXT PRIMARY KEY,
    hash       BLOB NOT NULL UNIQUE, -- SHA-256 of the secret
    name       TEXT NOT NULL,
    role       TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER               -- NULL while good
);

-- What was done, by whom. Each row carries the hash of the row before it, so a
-- changed, moved or missing row is seen by the check.
CREATE TABLE audit (
    seq    INTEGER PRIMARY KEY, -- 1, 2, 3 … without a gap
    at     INTEGER NOT NULL,    -- Unix ms
    actor  TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL,       -- JSON
    prev   TEXT NOT NULL,       -- hash of row seq-1, hex; '' for the first
    hash   TEXT NOT NULL
);

-- Nobody changes the past by mistake; who does it on purpose breaks the chain.
-- +goose StatementBegin
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE audit;
DROP TABLE tokens;
DROP TABLE sessions;
DROP TABLE users;
