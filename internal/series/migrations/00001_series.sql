-- +goose Up
-- What is measured: one row per device, part and metric.
CREATE TABLE series(
  id     INTEGER PRIMARY KEY,
  device TEXT NOT NULL,
  part   TEXT NOT NULL,
  metric TEXT NOT NULL,
  kind   TEXT NOT NULL,
  UNIQUE(device, part, metric)
);

-- Batches of points in the order of their arrival: written with every commit,
-- removed when their points stand in blocks and have been copied.
CREATE TABLE arrivals(
  n      INTEGER PRIMARY KEY,
  newest INTEGER NOT NULL, -- ms, of the batch's newest point
  points INTEGER NOT NULL,
  data   BLOB NOT NULL
);

-- All points of one series in one slot of 15 minutes. The slot comes first, so
-- that writing appends and retention cuts off the beginning.
CREATE TABLE blocks(
  slot   INTEGER NOT NULL,
  series INTEGER NOT NULL,
  data   BLOB NOT NULL,
  PRIMARY KEY(slot, series)
) WITHOUT ROWID;

-- Lowest, highest, sum and count of each minute of a slot.
CREATE TABLE minutes(
  slot   INTEGER NOT NULL,
  series INTEGER NOT NULL,
  data   BLOB NOT NULL,
  PRIMARY KEY(slot, series)
) WITHOUT ROWID;

-- Cursors: open = first arrival that is not yet in blocks, influx = last one copied.
CREATE TABLE cursor(
  name TEXT PRIMARY KEY,
  n    INTEGER NOT NULL
);

-- +goose Down
DROP TABLE cursor;
DROP TABLE minutes;
DROP TABLE blocks;
DROP TABLE arrivals;
DROP TABLE series;
