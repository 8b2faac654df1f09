import { statSync } from 'node:fs';
import { SqliteError } from 'better-sqlite3';
import { type AuditFacts, workFacts } from '../../core/audit.ts';
import { CLOSED_BREAKER } from '../../core/breaker.ts';
import type { CliVersion } from '../../core/cli-version.ts';
import { AppError } from '../../core/errors.ts';
import { vtimeAtWeight } from '../../core/fairness.ts';
import { contextAtStart } from '../../core/job.ts';
import type { AccountState } from '../../core/model.ts';
import { reportRow } from '../../core/task.ts';
import type { Store } from '../store.ts';
import { prepareApply } from './apply.ts';
import { prepareAudit } from './audit.ts';
import { prepareBoard } from './board.ts';
import { prepareClaim } from './claim.ts';
import { openDatabase, schemaVersion, storeError } from './database.ts';
import { prepareFeed } from './feed.ts';
import { prepareForget } from './forget.ts';
import { prepareLedger } from './ledger.ts';
import { prepareOutbox } from './outbox.ts';
import { prepareQueries } from './queries.ts';
import { prepareReports } from './reports.ts';
import { accountOf, cliVersionOf, jobOf, type Row, runOf, taskOf } from './rows.ts';
import { prepareTalk } from './talk.ts';
import { prepareUsers } from './users.ts';

/** Opens the embedded store: one file, one writing process. `clock` stamps what is written. */
export function openSqliteStore(path: string, clock: () => number): Store {
  const db = openDatabase(path);
  const applier = prepareApply(db);
  const claim = prepareClaim(db);
  const audit = prepareAudit(db);
  const feed = prepareFeed(db, { applier, audit: audit.write, clock, wake: () => wake() });
  const wakers = new Set<() => void>();
  const wake = () => {
    for (const waker of wakers) waker();
  };

  const jobById = db.prepare('SELECT * FROM jobs WHERE id = ?');
  const taskById = db.prepare('SELECT * FROM tasks WHERE id = ?');
  const taskByKey = db.prepare('SELECT * FROM tasks WHERE key = ?');
  const taskByItem = db.prepare('SELECT * FROM tasks WHERE project = ? AND work_item_id = ?');
  const latestJob = db.prepare('SELECT * FROM jobs WHERE task_id = ? ORDER BY id DESC LIMIT 1');
  const accountById = db.prepare('SELECT * FROM accounts WHERE id = ?');
  const cliVersionsOf = db.prepare('SELECT * FROM cli_versions WHERE kind = ?');
  const insertTask =
    db.prepare(`INSERT INTO tasks(key, project, work_item_id, repo, branch, title, body, url, thread, stage, status, priority, urgent, pipeline, labels, size, created_at, updated_at)
    VALUES(@key, @project, @workItemId, @repo, @branch, @title, @body, @url, @thread, @stage, 'active', @priority, @urgent, @pipeline, @labels, @size, @now, @now) RETURNING *`);
  const setBranch = db.prepare('UPDATE jobs SET branch = ? WHERE id = ? RETURNING *');
  const heldJob = db.prepare(
    `SELECT * FROM jobs WHERE id = @jobId AND fence = @fence AND status = 'running'`,
  );
  const heldRun = db.prepare(
    `SELECT * FROM agent_runs WHERE id = @runId AND job_id = @jobId AND fence = @fence AND status = 'running'`,
  );
  const noteStart =
    db.prepare(`UPDATE agent_runs SET pid = coalesce(@pid, pid), cli_kind = coalesce(@cliKind, cli_kind), cli_version = coalesce(@cliVersion, cli_version), cli_bin = coalesce(@cliBin, cli_bin), model = coalesce(@model, model),
    session_id = coalesce(@sessionId, session_id) WHERE id = @runId AND status = 'running'`);
  const setContext = db.prepare('UPDATE jobs SET context = ? WHERE id = ?');
  const setTaskPr = db.prepare(
    `UPDATE tasks SET pr = ?, updated_at = ? WHERE id = ? AND coalesce(pr ->> 'state', '') NOT IN ('merged', 'closed')`,
  );
  const inTransaction = <T>(work: () => T): T => db.transaction(work).immediate();

  function account(id: string): AccountState {
    const row = accountById.get(id) as Row | undefined;
    if (row !== undefined) return accountOf(row);
    return {
      id,
      hold: null,
      breaker: CLOSED_BREAKER,
      notBefore: null,
      lastProbeAt: null,
      provenFingerprint: null,
      windows: [],
      pinned: null,
    };
  }

  function versionsOf(kind: string): CliVersion[] {
    return (cliVersionsOf.all(kind) as Row[]).map(cliVersionOf);
  }

  const store: Store = {
    board: atTheEdge(prepareBoard(db), path),
    reports: atTheEdge(prepareReports(db), path),
    talk: atTheEdge(
      prepareTalk(db, { insertOutbox: (rows) => applier.insertOutbox(rows, clock()), wake }),
      path,
    ),
    users: atTheEdge(prepareUsers(db, { audit: audit.write }), path),
    ...prepareOutbox(db, { audit: audit.write, wake }),
    ...prepareLedger(db),
    ...prepareForget(db),
    ...feed.part,
    ...prepareQueries(db),

    async configure(projects, accounts) {
      inTransaction(() => {
        db.prepare('UPDATE projects SET active = 0').run();
        const before = db.prepare(
          'SELECT vtime, vclock AS clock, weight FROM projects JOIN counters ON counters.id = 1 WHERE key = ?',
        );
        const upsert =
          db.prepare(`INSERT INTO projects(key, weight, max_concurrency, vtime) VALUES(@key, @weight, @maxConcurrency, @vtime)
          ON CONFLICT(key) DO UPDATE SET active = 1, weight = @weight, max_concurrency = @maxConcurrency, vtime = @vtime`);
        for (const project of projects) {
          const was = before.get(project.key) as { vtime: number; clock: number; weight: number } | undefined;
          const vtime = was === undefined ? 0 : vtimeAtWeight(was, was.weight, project.weight);
          upsert.run({ ...project, vtime });
        }
        const known = db.prepare('INSERT INTO accounts(id) VALUES(?) ON CONFLICT(id) DO NOTHING');
        for (const id of accounts) known.run(id);
      });
      wake();
    },

    async submit(item, firstJob) {
      const result = inTransaction(() => {
        const existing = taskByItem.get(item.project, item.workItemId) as Row | undefined;
        if (existing !== undefined) return { task: taskOf(existing), created: false };
        if (taskByKey.get(item.key) !== undefined)
          throw new AppError(`${item.key} is already the key of another work item`, {
            code: 'task.key_taken',
            hint: 'give the item another key',
          });
        const now = clock();
        const { feed: ofFeed, ...fields } = item;
        const task = taskOf(
          insertTask.get({
            ...fields,
            url: item.url ?? null,
            thread: ofFeed?.thread ?? '',
            urgent: item.urgent ? 1 : 0,
            labels: JSON.stringify(item.labels),
            now,
          }) as Row,
        );
        if (ofFeed !== undefined) feed.taken(task.id, ofFeed.marks, ofFeed.seen, now);
        applier.insertJob(firstJob(task), now);
        applier.insertOutbox(
          [
            {
              destination: `tracker:${task.project}`,
              key: `status:${task.key}:taken`,
              orderKey: `item:${task.project}:${task.workItemId}`,
              availableAt: null,
              message: {
                kind: 'tracker.status',
                project: task.project,
                workItemId: task.workItemId,
                status: 'in_progress',
                stage: task.stage,
              },
            },
            ...(ofFeed === undefined ? [] : [reportRow(task, 'taken')]),
          ],
          now,
        );
        return { task, created: true };
      });
      if (result.created) wake();
      return result;
    },

    async enqueue(job, branchFor) {
      const queued = inTransaction(() => {
        const inserted = applier.insertJob({ ...job, branch: '' }, clock());
        return jobOf(setBranch.get(branchFor(inserted.id), inserted.id) as Row);
      });
      wake();
      return queued;
    },

    async claim(request) {
      return claim(request);
    },

    async started(ref, facts) {
      return inTransaction(() => {
        const row = heldJob.get(ref) as Row | undefined;
        if (row === undefined || heldRun.get(ref) === undefined) return false;
        noteStart.run({
          runId: ref.runId,
          pid: facts.pid ?? null,
          cliKind: facts.cliKind ?? null,
          cliVersion: facts.cliVersion ?? null,
          cliBin: facts.cliBin ?? null,
          model: facts.model ?? null,
          sessionId: facts.sessionId ?? null,
        });
        applier.insertOutbox(facts.outbox ?? [], clock());
        const job = jobOf(row);
        if (facts.roundHead !== undefined || facts.sessionId !== undefined)
          setContext.run(JSON.stringify(contextAtStart(job.context, facts, job.account)), job.id);
        return true;
      });
    },

    async settle(ref, decide) {
      const settled = inTransaction(() => {
        const row = heldJob.get(ref) as Row | undefined;
        const runRow = heldRun.get(ref) as Row | undefined;
        if (row === undefined || runRow === undefined) return 'stale' as const;
        const job = jobOf(row);
        const run = runOf(runRow);
        const task = job.taskId === null ? null : taskOf(taskById.get(job.taskId) as Row);
        const effects = decide({
          job,
          run,
          task,
          account: run.account === null ? null : account(run.account),
          cliVersions: run.cliKind === null ? [] : versionsOf(run.cliKind),
        });
        applier.apply(effects, { job, runId: run.id }, clock());
        return 'ok' as const;
      });
      if (settled === 'ok') wake();
      return settled;
    },

    async command(target, decide, entry) {
      const result = inTransaction(() => {
        const found =
          target.kind === 'job' ? (jobById.get(target.id) as Row | undefined) : jobOfTask(target.key);
        if (found === undefined) throw notFound(target.kind === 'job' ? `job_${target.id}` : target.key);
        const job = jobOf(found);
        const task = job.taskId === null ? null : taskOf(taskById.get(job.taskId) as Row);
        const newest = task === null ? undefined : (latestJob.get(task.id) as Row | undefined);
        const superseded = newest !== undefined && newest['id'] !== job.id;
        if (entry.once !== undefined && !feed.mark(entry.once, clock())) return { job, task, repeated: true };
        applier.apply(decide({ task, job, superseded }), { job, runId: null }, clock());
        const after = {
          job: jobOf(jobById.get(job.id) as Row),
          task: job.taskId === null ? null : taskOf(taskById.get(job.taskId) as Row),
        };
        audit.write({ ...entry, before: workFacts(task, job), after: workFacts(after.task, after.job) });
        return after;
      });
      wake();
      return result;
    },

    async updateAccount(id, change) {
      const { before, after } = inTransaction(() => {
        const before = account(id);
        const after = change(before);
        if (after !== before) applier.saveAccount(after);
        return { before, after };
      });
      if (after !== before) wake();
      return after;
    },

    async commandAccount(id, decide, entry) {
      const after = inTransaction(() => {
        const before = account(id);
        const decided = decide(before);
        if (decided.account !== before) applier.saveAccount(decided.account);
        applier.prove(decided.proofs);
        audit.write({ ...entry, before: accountFacts(before), after: accountFacts(decided.account) });
        return decided.account;
      });
      wake();
      return after;
    },

    async tell(rows) {
      inTransaction(() => applier.insertOutbox(rows, clock()));
      wake();
    },

    async setPullRequest(taskId, pr) {
      setTaskPr.run(JSON.stringify(pr), clock(), taskId);
      wake();
    },

    async pause(pause, entry) {
      inTransaction(() => {
        db.prepare(
          'INSERT INTO pauses(scope, id, note, by, since, until) VALUES(@scope, @id, @note, @by, @since, @until) ON CONFLICT(scope, id) DO UPDATE SET note = @note, by = @by, until = @until',
        ).run({ ...pause });
        const { note, until } = pause;
        audit.write({
          ...entry,
          after: { note, until: until === null ? null : new Date(until).toISOString() },
        });
      });
      wake();
    },

    async resume(scope, id, entry) {
      const resumed = inTransaction(() => {
        const { changes } = db.prepare('DELETE FROM pauses WHERE scope = ? AND id = ?').run(scope, id);
        audit.write({ ...entry, before: { paused: changes > 0 }, after: { paused: false } });
        return changes > 0;
      });
      wake();
      return resumed;
    },

    async audit(entry) {
      audit.write(entry);
    },
    async audits(filter) {
      return audit.list(filter);
    },

    async meta(key) {
      return (
        (db.prepare('SELECT value FROM meta WHERE key = ?').pluck().get(key) as string | undefined) ?? null
      );
    },
    async setMeta(key, value) {
      db.prepare(
        'INSERT INTO meta(key, value) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value',
      ).run(key, value);
    },
    onWake(callback) {
      wakers.add(callback);
      return () => wakers.delete(callback);
    },
    async info() {
      return {
        engine: 'sqlite',
        engineVersion: String(db.prepare('SELECT sqlite_version()').pluck().get()),
        schema: schemaVersion(db),
        path,
        bytes: statSync(path, { throwIfNoEntry: false })?.size ?? 0, // none: in memory
      };
    },
    async close() {
      wakers.clear();
      db.close();
    },
  };
  return { ...atTheEdge(store, path), onWake: store.onWake };

  function jobOfTask(key: string): Row | undefined {
    const task = taskByKey.get(key) as Row | undefined;
    return task === undefined ? undefined : (latestJob.get(task['id']) as Row | undefined);
  }
}

function accountFacts(state: AccountState): AuditFacts {
  return { hold: state.hold?.reason ?? null, cli: state.pinned?.version ?? null };
}

/** SQLite's errors leave as `AppError`; what a decider throws passes as it is. */
function atTheEdge<T extends object>(part: T, path: string): T {
  const wrapped = Object.entries(part).map(([name, member]) => [
    name,
    typeof member === 'function' ? guarded(member, path) : member,
  ]);
  return Object.fromEntries(wrapped) as T;
}

function guarded(method: (...args: unknown[]) => unknown, path: string) {
  return async (...args: unknown[]) => {
    try {
      return await method(...args);
    } catch (error) {
      throw error instanceof SqliteError ? storeError(error, path) : error;
    }
  };
}

function notFound(name: string): AppError {
  return new AppError(`there is no ${name}`, { code: 'not_found', hint: 'orch tasks, orch jobs' });
}
