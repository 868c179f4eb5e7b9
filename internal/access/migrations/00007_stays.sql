-- +goose Up
-- Guests on foot stand among the guests that are inside, with an empty plate.

-- Doors at which somebody showed something on the way out: only of those it is known who
-- has left.
CREATE TABLE access_exits (door TEXT PRIMARY KEY);
INSERT INTO access_exits(door) SELECT DISTINCT door FROM access_badges WHERE side = 'out';

-- The codes and plates of passes that have ended: they came back with a host who moved
-- out and in again.
UPDATE access_credentials SET revoked_at = (SELECT max(ended_at) FROM access_passes p WHERE p.person = access_credentials.person)
    WHERE revoked_at = 0 AND person IN (SELECT person FROM access_passes WHERE ended_at <> 0);

-- +goose Down
DROP TABLE access_exits;
