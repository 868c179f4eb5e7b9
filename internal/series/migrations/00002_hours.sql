-- +goose Up
-- Lowest, highest, sum and count of each hour that has ended; kept for longer
-- than the minutes they are made of. The cursor `hours` is the next one to make.
CREATE TABLE hours(
  hour   INTEGER NOT NULL, -- since 1970
  series INTEGER NOT NULL,
  low    REAL NOT NULL,
  high   REAL NOT NULL,
  total  REAL NOT NULL,
  count  INTEGER NOT NULL,
  PRIMARY KEY(hour, series)
) WITHOUT ROWID;

-- +goose Down
DELETE FROM cursor WHERE name = 'hours';
DROP TABLE hours;
