-- +goose Up
-- What goes into a battery near its peak until it declines, of a charge that was not a short one; 0: not known.
ALTER TABLE charger_batteries ADD COLUMN top_wh REAL NOT NULL DEFAULT 0;
