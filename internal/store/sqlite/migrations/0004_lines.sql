-- The queue gives out the heads of lines: of the forwards of one subject to one target
-- only the oldest that waits is sent. lease is the number of the lease that somebody has,
-- 0 or negative for none; refusals counts the answers that refused the delivery.
ALTER TABLE forwards ADD COLUMN subject INTEGER NOT NULL DEFAULT 0;
ALTER TABLE forwards ADD COLUMN lease INTEGER NOT NULL DEFAULT 0;
ALTER TABLE forwards ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;
UPDATE forwards SET subject = coalesce((SELECT d.subject FROM deliveries AS d WHERE d.seq = delivery), 0);

DROP INDEX forwards_due;
CREATE INDEX forwards_due ON forwards (state, target, due_at);
CREATE INDEX forwards_line ON forwards (target, subject, created_at) WHERE state = 'waiting';
