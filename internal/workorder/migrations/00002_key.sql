-- +goose Up
-- An action of an alarm makes one order, however often it is carried out; an alarm
-- may have several such actions, and ask again when it comes back.
DROP INDEX work_orders_alarm;
CREATE INDEX work_orders_alarm ON work_orders(alarm) WHERE alarm <> '';
CREATE TABLE work_order_keys (
    idem_key   TEXT PRIMARY KEY,
    work_order TEXT NOT NULL REFERENCES work_orders(id) -- that it made, or found there
);

-- +goose Down
DROP TABLE work_order_keys;
DROP INDEX work_orders_alarm;
CREATE UNIQUE INDEX work_orders_alarm ON work_orders(alarm) WHERE alarm <> '';
