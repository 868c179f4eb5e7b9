-- +goose Up
-- Who comes first: 0 life safety, 1 a command to a device, then by priority, 2 critical
-- … 5 low. What waits is found without looking at what has ended.
ALTER TABLE alarm_outbox ADD COLUMN urgency INTEGER NOT NULL DEFAULT 5;
UPDATE alarm_outbox SET urgency = 0 WHERE state IN ('pending', 'claimed') AND (SELECT life_safety FROM alarm WHERE id = alarm_outbox.alarm) = 1;
CREATE INDEX alarm_outbox_next ON alarm_outbox(urgency, id) WHERE state = 'pending';
DROP INDEX alarm_outbox_open;

-- +goose Down
CREATE INDEX alarm_outbox_open ON alarm_outbox(due_at) WHERE state IN ('pending', 'claimed');
DROP INDEX alarm_outbox_next;
ALTER TABLE alarm_outbox DROP COLUMN urgency;
