-- +goose Up
-- Every set of rules that has been in force, as written, so that an old alarm can
-- be explained by the rule that raised it.
CREATE TABLE rule_set (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,                 -- in force from, Unix ms
    actor   TEXT NOT NULL,                    -- account id, or hub
    version TEXT NOT NULL,
    files   BLOB NOT NULL                     -- gzip of a JSON object: name → text
);
CREATE INDEX rule_set_at ON rule_set(at);

-- +goose Down
DROP TABLE rule_set;
