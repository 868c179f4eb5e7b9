-- +goose Up
CREATE TABLE work_photos (
    id         TEXT PRIMARY KEY, -- made by the phone, so that what it sends again is one picture
    work_order TEXT NOT NULL REFERENCES work_orders(id) ON DELETE CASCADE,
    moment     TEXT NOT NULL,    -- before or after the repair
    taken_at   INTEGER NOT NULL, -- by the phone's clock, Unix ms
    at         INTEGER NOT NULL, -- when it came
    actor      TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    jpeg       BLOB NOT NULL
);
CREATE INDEX work_photos_order ON work_photos(work_order);

-- +goose Down
DROP TABLE work_photos;
