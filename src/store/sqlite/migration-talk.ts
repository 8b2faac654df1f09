/** What people are told and what they answer: matters, what each channel shows of them, buttons, mutes, links. */
export const TALK_MIGRATION = `
CREATE TABLE matters(
  key TEXT PRIMARY KEY,
  -- As \`Matter\`.
  value TEXT NOT NULL,
  state TEXT NOT NULL CHECK(state IN ('open', 'resolved')),
  changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX matters_changed ON matters(changed_at);
-- What an earlier build told and did not resolve can be resolved by this one.
INSERT INTO matters(key, value, state, changed_at)
  SELECT key, json_object('key', key, 'event', 'needs_you', 'project', NULL, 'title', text, 'detail', '',
    'urgent', json('false'), 'commit', NULL, 'state', 'open', 'level', 1, 'atOnce', json('true'), 'counted', 0,
    'outcome', NULL, 'openedAt', min(opened_at), 'changedAt', max(updated_at), 'resolvedAt', NULL, 'lastRow', 0),
    'open', max(updated_at)
  FROM incidents WHERE resolved_at IS NULL GROUP BY key;

-- When its message was sent; how bad it was told to be; 1 = it shares a message with others.
ALTER TABLE incidents ADD COLUMN sent_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE incidents ADD COLUMN level INTEGER NOT NULL DEFAULT 2;
ALTER TABLE incidents ADD COLUMN digest INTEGER NOT NULL DEFAULT 0;
UPDATE incidents SET sent_at = opened_at;
CREATE INDEX incidents_message ON incidents(channel, message_ref);
CREATE INDEX incidents_sent ON incidents(channel, sent_at);

-- Buttons, and questions that a reply answers: only the nonce goes to the chat.
CREATE TABLE tickets(
  nonce TEXT PRIMARY KEY,
  channel TEXT NOT NULL,
  action TEXT NOT NULL,
  matter TEXT NOT NULL,
  about TEXT NOT NULL,
  commit_sha TEXT,
  message_ref TEXT,
  expires_at INTEGER NOT NULL,
  uses INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX tickets_message ON tickets(channel, message_ref);
CREATE INDEX tickets_expiry ON tickets(expires_at);

CREATE TABLE mutes(
  channel TEXT NOT NULL,
  scope TEXT NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY(channel, scope)
) STRICT, WITHOUT ROWID;

-- A person's name at a channel, and the codes that link one.
CREATE TABLE links(
  channel TEXT NOT NULL,
  external_id TEXT NOT NULL,
  user_id INTEGER NOT NULL REFERENCES users(id),
  linked_at INTEGER NOT NULL,
  PRIMARY KEY(channel, external_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE link_codes(
  code TEXT PRIMARY KEY,
  user_id INTEGER NOT NULL REFERENCES users(id),
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Names the message that asked for it: one that comes twice is done once.
ALTER TABLE audit ADD COLUMN once TEXT;
CREATE UNIQUE INDEX audit_once ON audit(once) WHERE once IS NOT NULL;
`;
