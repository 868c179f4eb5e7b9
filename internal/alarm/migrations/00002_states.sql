-- +goose Up
ALTER TABLE alarm ADD COLUMN drill INTEGER NOT NULL DEFAULT 0;         -- 演练: nothing is carried out
ALTER TABLE alarm ADD COLUMN life_safety INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alarm ADD COLUMN cause TEXT NOT NULL DEFAULT '';           -- of the incident
ALTER TABLE alarm ADD COLUMN place TEXT NOT NULL DEFAULT '';           -- level of the incident's place
ALTER TABLE alarm ADD COLUMN causes TEXT NOT NULL DEFAULT '[]';        -- JSON list of the rules that silence this one
ALTER TABLE alarm ADD COLUMN via TEXT NOT NULL DEFAULT '';             -- what the device hangs on, outermost first
ALTER TABLE alarm ADD COLUMN rule_version TEXT NOT NULL DEFAULT '';
ALTER TABLE alarm ADD COLUMN realarm_ms INTEGER NOT NULL DEFAULT 0;    -- 0: not told again
ALTER TABLE alarm ADD COLUMN realarm_at INTEGER;                       -- due
ALTER TABLE alarm ADD COLUMN shelve_kind TEXT NOT NULL DEFAULT '';     -- timed one_shot
ALTER TABLE alarm ADD COLUMN shelved_until INTEGER;                    -- due
ALTER TABLE alarm ADD COLUMN shelved_by TEXT NOT NULL DEFAULT '';
ALTER TABLE alarm ADD COLUMN shelve_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE alarm ADD COLUMN suppressed_by TEXT NOT NULL DEFAULT '';   -- out-of-service entry
ALTER TABLE alarm ADD COLUMN policy TEXT NOT NULL DEFAULT '';          -- of escalation; '' the one for the priority
ALTER TABLE alarm ADD COLUMN escalation TEXT NOT NULL DEFAULT 'null';  -- JSON

-- One open alarm per rule, device and part; a drill beside a real one.
DROP INDEX alarm_open;
CREATE UNIQUE INDEX alarm_open ON alarm(rule, device, part, drill) WHERE closed_at IS NULL;

-- +goose Down
DROP INDEX alarm_open;
CREATE UNIQUE INDEX alarm_open ON alarm(rule, device, part) WHERE closed_at IS NULL;
ALTER TABLE alarm DROP COLUMN drill;
ALTER TABLE alarm DROP COLUMN life_safety;
ALTER TABLE alarm DROP COLUMN cause;
ALTER TABLE alarm DROP COLUMN place;
ALTER TABLE alarm DROP COLUMN causes;
ALTER TABLE alarm DROP COLUMN via;
ALTER TABLE alarm DROP COLUMN rule_version;
ALTER TABLE alarm DROP COLUMN realarm_ms;
ALTER TABLE alarm DROP COLUMN realarm_at;
ALTER TABLE alarm DROP COLUMN shelve_kind;
ALTER TABLE alarm DROP COLUMN shelved_until;
ALTER TABLE alarm DROP COLUMN shelved_by;
ALTER TABLE alarm DROP COLUMN shelve_reason;
ALTER TABLE alarm DROP COLUMN suppressed_by;
ALTER TABLE alarm DROP COLUMN policy;
ALTER TABLE alarm DROP COLUMN escalation;
