/** What is remembered of trackers and forges that people act through. As with any migration: never changed. */
export const FEEDS = `
-- Comments on the item by people who may write.
ALTER TABLE tasks ADD COLUMN thread TEXT NOT NULL DEFAULT '';
-- What was handled once and is never again: comments, by where they stand.
CREATE TABLE seen(key TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
-- What was last seen of the item that a task came from.
CREATE TABLE task_feeds(task INTEGER PRIMARY KEY, away INTEGER NOT NULL, marks TEXT NOT NULL) STRICT;
-- Match rules whose items a person let in, and those that stay out.
CREATE TABLE intakes(
  project TEXT PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  left_out TEXT NOT NULL,
  by TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;
