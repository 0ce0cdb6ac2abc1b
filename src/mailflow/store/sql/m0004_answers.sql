-- Answers: polls and quizzes in the mail, and until when a mail is true. Appended to until it is released, never
-- afterwards.

-- Which polls stood in which messages, so that one knows who was asked. An answer itself is an event, `poll_answered`:
-- of several by one person the last one counts.
CREATE TABLE polls_asked (
  poll       TEXT NOT NULL,                    -- its name in polls.yaml
  message_id INTEGER NOT NULL REFERENCES messages (id),
  PRIMARY KEY (poll, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX polls_asked_by_message ON polls_asked (message_id);
-- Bytes that are thrown away, to be made anew, have asked nobody.
CREATE TRIGGER polls_not_asked AFTER DELETE ON message_contents BEGIN
  DELETE FROM polls_asked WHERE message_id = old.message_id;
END;

-- The first instant at which bytes say something that is no longer so, such as "3 days left"; NULL: never.
ALTER TABLE message_contents ADD COLUMN true_until INTEGER;

-- The marketing mail of the last days, without a look at any earlier: how much of it is promotion.
CREATE INDEX messages_mixed ON messages (settled_at)
  WHERE state IN ('accepted', 'in_doubt') AND class = 'marketing' AND rehearsal = 0;

-- Bytes that are thrown away, to be made anew, have shown no articles.
CREATE TRIGGER articles_not_shown AFTER DELETE ON message_contents BEGIN
  DELETE FROM articles_shown WHERE message_id = old.message_id;
END;
CREATE INDEX articles_shown_by_message ON articles_shown (message_id);
