-- +goose Up
-- A number plate that opens. It may stand with several people: a family has one car, and
-- one guest comes to two homes. So mac is not of the plate; it only names the row.
ALTER TABLE access_credentials ADD COLUMN plate TEXT NOT NULL DEFAULT '';     -- of type plate
ALTER TABLE access_credentials ADD COLUMN counts_as TEXT NOT NULL DEFAULT ''; -- credential whose uses its own are; empty: itself
ALTER TABLE access_credentials ADD COLUMN confirm INTEGER NOT NULL DEFAULT 0; -- the host is asked at the door each time

-- Guests' cars that came in. One without out_at is inside.
CREATE TABLE access_cars (
    id           INTEGER PRIMARY KEY,
    person       TEXT NOT NULL,              -- the visitor
    plate        TEXT NOT NULL,
    door         TEXT NOT NULL,              -- by which it came in
    in_at        INTEGER NOT NULL,           -- Unix ms
    out_at       INTEGER NOT NULL DEFAULT 0, -- 0: inside
    host_told_at INTEGER NOT NULL DEFAULT 0, -- of staying too long
    desk_told_at INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX access_cars_inside ON access_cars(person) WHERE out_at = 0;
CREATE INDEX access_cars_in_at ON access_cars(in_at);

-- +goose Down
DROP TABLE access_cars;
ALTER TABLE access_credentials DROP COLUMN confirm;
ALTER TABLE access_credentials DROP COLUMN counts_as;
ALTER TABLE access_credentials DROP COLUMN plate;
