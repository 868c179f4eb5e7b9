-- +goose Up
CREATE TABLE work_requests (
    id          TEXT PRIMARY KEY,
    person      TEXT NOT NULL, -- resident, an id of access
    name        TEXT NOT NULL, -- as shown
    zone        TEXT NOT NULL,
    text        TEXT NOT NULL,
    key         TEXT NOT NULL, -- the client's, so that a phone may repeat itself
    created_at  INTEGER NOT NULL -- Unix ms, as all times here
);
CREATE INDEX work_requests_person ON work_requests(person, created_at);
CREATE UNIQUE INDEX work_requests_key ON work_requests(person, key) WHERE key <> '';

CREATE TABLE work_orders (
    number        INTEGER PRIMARY KEY AUTOINCREMENT,
    id            TEXT NOT NULL UNIQUE,
    priority      TEXT NOT NULL,
    title_zh      TEXT NOT NULL,
    title_en      TEXT NOT NULL,
    device        TEXT NOT NULL,
    zone          TEXT NOT NULL,
    state         TEXT NOT NULL, -- open, taken, done
    assignee      TEXT NOT NULL, -- account
    assignee_name TEXT NOT NULL,
    source        TEXT NOT NULL, -- alarm, request, manual
    alarm         TEXT NOT NULL,
    request       TEXT NOT NULL,
    due_at        INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    done_at       INTEGER NOT NULL DEFAULT 0
);
-- One alarm makes one order, one request too.
CREATE UNIQUE INDEX work_orders_alarm ON work_orders(alarm) WHERE alarm <> '';
CREATE UNIQUE INDEX work_orders_request ON work_orders(request) WHERE request <> '';
CREATE INDEX work_orders_state ON work_orders(state, number);

CREATE TABLE work_log (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    work_order TEXT NOT NULL REFERENCES work_orders(id),
    at         INTEGER NOT NULL,
    actor      TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    what       TEXT NOT NULL, -- created, taken, assigned, comment, done
    text       TEXT NOT NULL
);
CREATE INDEX work_log_order ON work_log(work_order, id);

-- +goose Down
DROP TABLE work_log;
DROP TABLE work_orders;
DROP TABLE work_requests;
