-- +goose Up
-- What a meter may still tell beyond what its socket can give since the reading before (mWh).
ALTER TABLE charging_sessions ADD COLUMN credit INTEGER NOT NULL DEFAULT 20000;
-- The counter before it went back, while it stands where it went to (mWh).
ALTER TABLE charging_sessions ADD COLUMN high INTEGER NOT NULL DEFAULT 0;
-- When the counted reading came, by the hub's clock.
ALTER TABLE charging_sessions ADD COLUMN heard_at INTEGER NOT NULL DEFAULT 0;
