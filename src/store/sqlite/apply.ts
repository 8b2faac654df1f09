import { costIsUnknown, dayOf, tokensOf } from '../../core/budget.ts';
import type { CliProof } from '../../core/cli-version.ts';
import type { Effects, JobChange, NewJob, NewOutboxRow, RunChange, TaskChange } from '../../core/effects.ts';
import type { AccountState, Job } from '../../core/model.ts';
import type { Db } from './database.ts';
import { jobOf, type Row } from './rows.ts';
import { prepareWaits } from './waits.ts';

/** Writes `Effects`. Always called inside the transaction that read the rows they were decided on. */
export interface Applier {
  apply(effects: Effects, on: { job: Job; runId: number | null }, now: number): void;
  insertJob(job: NewJob, now: number): Job;
  saveAccount(account: AccountState): void;
  prove(proofs: readonly CliProof[]): void;
  insertOutbox(rows: readonly NewOutboxRow[], now: number): void;
}

export function prepareApply(db: Db): Applier {
  const ended = db.prepare('UPDATE counters SET last_ended_at = ? WHERE id = 1');
  const insertJobRow =
    db.prepare(`INSERT INTO jobs(task_id, project, repo, branch, stage, agent, account, max_attempts, priority, urgent, rework, ready, hold, hold_since, context, created_at, fresh)
    VALUES(@taskId, @project, @repo, @branch, @stage, @agent, @account, @maxAttempts, @priority, @urgent, @rework, @ready, @hold, @holdSince, @context, @now,
    EXISTS(SELECT 1 FROM tasks WHERE id = @taskId AND head IS NULL)) RETURNING *`);
  const begun = db.prepare(`UPDATE jobs SET fresh = 0 WHERE task_id = ? AND fresh = 1`);
  const begunAt = db.prepare('UPDATE tasks SET begun_at = ? WHERE id = ? AND begun_at IS NULL');
  const updateJob =
    db.prepare(`UPDATE jobs SET status = @status, attempts = @attempts, max_attempts = @maxAttempts, transient_attempts = @transientAttempts,
    lost_attempts = @lostAttempts, available_at = @availableAt, hold = @hold, hold_since = @holdSince, ready = @ready, urgent = @urgent, priority = @priority, account = @account, moved_from = @movedFrom,
    cancel_requested = @cancelRequested, error = @error, verdict = @verdict, context = @context, finished_at = @finishedAt WHERE id = @id`);
  const endRun =
    db.prepare(`UPDATE agent_runs SET status = 'ended', exit_code = @exitCode, signal = @signal, result_ok = @resultOk, verdict = @verdict, reason = @reason,
    rule = @rule, session_id = coalesce(@sessionId, session_id), cli_version = coalesce(@cliVersion, cli_version), input_tokens = @inputTokens, output_tokens = @outputTokens,
    cache_read_tokens = @cacheReadTokens, cache_write_tokens = @cacheWriteTokens, turns = @turns, cost_micro_usd = @costMicroUsd, finished_at = @now
    WHERE id = @id AND status = 'running'`);
  const spend =
    db.prepare(`INSERT INTO spending(day, project, micro_usd, tokens, unknown_costs) VALUES(@day, @project, @microUsd, @tokens, @unknown)
    ON CONFLICT(day, project) DO UPDATE SET micro_usd = micro_usd + @microUsd, tokens = tokens + @tokens, unknown_costs = unknown_costs + @unknown`);
  const unknownCost = db.prepare('UPDATE tasks SET unknown_costs = unknown_costs + 1 WHERE id = ?');
  const task = db.prepare(
    `SELECT title, body, thread, stage, status, urgent, priority, reason_code, reason_detail, head, pr, rounds, trace, ticked, session, checked_head, checks_green, checks_total, loops, forge FROM tasks WHERE id = ?`,
  );
  const updateTask =
    db.prepare(`UPDATE tasks SET title = @title, body = @body, thread = @thread, stage = @stage, status = @status, urgent = @urgent, priority = @priority, reason_code = @code, reason_detail = @detail, head = @head, pr = @pr,
    rounds = @rounds, trace = @trace, ticked = @ticked, session = @session, checked_head = @checkedHead, checks_green = @checksGreen, checks_total = @checksTotal, loops = @loops, forge = @forge,
    cost_micro_usd = cost_micro_usd + @cost, budget_from_micro_usd = coalesce(@budgetFrom, budget_from_micro_usd), updated_at = @now WHERE id = @id`);
  const upsertAccount =
    db.prepare(`INSERT INTO accounts(id, hold, breaker_state, breaker_failures, breaker_probe_at, breaker_since, not_before, last_probe_at, proven_fingerprint, windows, windows_at, pinned)
    VALUES(@id, @hold, @state, @failures, @probeAt, @since, @notBefore, @lastProbeAt, @proven, @windows, @windowsAt, @pinned)
    ON CONFLICT(id) DO UPDATE SET hold = @hold, breaker_state = @state, breaker_failures = @failures, breaker_probe_at = @probeAt, breaker_since = @since,
    not_before = @notBefore, last_probe_at = @lastProbeAt, proven_fingerprint = @proven, windows = @windows, windows_at = @windowsAt,
    pinned = @pinned`);
  const succeededOnce =
    db.prepare(`INSERT INTO cli_versions(kind, version, bin, first_success_at, last_success_at) VALUES(@kind, @version, @bin, @at, @at)
    ON CONFLICT(kind, version) DO UPDATE SET bin = coalesce(@bin, bin), first_success_at = coalesce(first_success_at, @at), last_success_at = @at`);
  const trusted =
    db.prepare(`INSERT INTO cli_versions(kind, version, trusted_by, trusted_at) VALUES(@kind, @version, @by, @at)
    ON CONFLICT(kind, version) DO UPDATE SET trusted_by = coalesce(trusted_by, @by), trusted_at = coalesce(trusted_at, @at)`);
  const failed = db.prepare(`UPDATE projects SET failed_in_row = failed_in_row + 1 WHERE key = ?`);
  const succeeded = db.prepare(`UPDATE projects SET failed_in_row = 0 WHERE key = ? AND failed_in_row <> 0`);
  const outbox =
    db.prepare(`INSERT INTO outbox(destination, key, order_key, message, available_at, created_at)
    VALUES(@destination, @key, @orderKey, @message, @availableAt, @now) ON CONFLICT(key) DO NOTHING`);
  // Whoever takes it up again knows better than its item, which may be closed.
  const takenUp = db.prepare('UPDATE task_feeds SET away = 1 WHERE task = ?');
  const untried = db.prepare(
    `SELECT 1 FROM outbox WHERE order_key = ? AND status = 'pending' AND tries = 0 LIMIT 1`,
  );

  const waits = prepareWaits(db);

  function insertJob(job: NewJob, now: number): Job {
    const inserted = jobOf(
      insertJobRow.get({
        ...job,
        urgent: job.urgent ? 1 : 0,
        rework: job.rework ? 1 : 0,
        ready: job.hold === null ? 1 : 0,
        holdSince: job.hold === null ? null : now,
        context: JSON.stringify(job.context),
        now,
      }) as Row,
    );
    waits.begun(inserted, now);
    return inserted;
  }

  function changeJob(job: Job, change: JobChange, now: number): void {
    const next = { ...job, ...change };
    const goesOn = next.hold === job.hold && next.availableAt === job.availableAt;
    waits.changed(job, next, now);
    updateJob.run({
      id: job.id,
      status: next.status,
      attempts: next.attempts,
      maxAttempts: next.maxAttempts,
      transientAttempts: next.transientAttempts,
      lostAttempts: next.lostAttempts,
      availableAt: next.availableAt,
      hold: next.hold,
      holdSince: next.hold === null && next.availableAt === null ? null : goesOn ? job.holdSince : now,
      ready: next.status === 'queued' && next.hold === null && next.availableAt === null ? 1 : 0,
      urgent: next.urgent ? 1 : 0,
      priority: next.priority,
      account: next.account,
      movedFrom: next.status === 'queued' ? null : job.movedFrom,
      cancelRequested: next.cancelRequested ? 1 : 0,
      error: next.error,
      verdict: next.verdict,
      context: JSON.stringify(next.context),
      finishedAt: next.finishedAt,
    });
  }

  function changeRun(job: Job, id: number, change: RunChange, now: number): void {
    const { usage } = change;
    endRun.run({
      id,
      exitCode: change.exitCode,
      signal: change.signal,
      resultOk: change.resultOk ? 1 : 0,
      verdict: change.verdict,
      reason: change.reason,
      rule: change.rule,
      sessionId: change.sessionId,
      cliVersion: change.cliVersion,
      inputTokens: usage.inputTokens,
      outputTokens: usage.outputTokens,
      cacheReadTokens: usage.cacheReadTokens,
      cacheWriteTokens: usage.cacheWriteTokens,
      turns: usage.turns,
      costMicroUsd: usage.costUsd === null ? null : Math.round(usage.costUsd * 1e6),
      now,
    });
    ended.run(now);
    if (job.agent === null) return;
    const unknown = costIsUnknown(change);
    spend.run({
      day: dayOf(now),
      project: job.project,
      microUsd: Math.round((usage.costUsd ?? 0) * 1e6),
      tokens: tokensOf(usage),
      unknown: unknown ? 1 : 0,
    });
    if (unknown && job.taskId !== null) unknownCost.run(job.taskId);
  }

  function changeTask(id: number, change: TaskChange, now: number): void {
    const row = task.get(id) as Row;
    const reason = change.reason;
    updateTask.run({
      id,
      title: change.title ?? row['title'],
      body: change.body ?? row['body'],
      thread: change.thread ?? row['thread'],
      stage: change.stage ?? row['stage'],
      status: change.status ?? row['status'],
      urgent: change.urgent === undefined ? row['urgent'] : change.urgent ? 1 : 0,
      priority: change.priority ?? row['priority'],
      code: reason === undefined ? row['reason_code'] : (reason?.code ?? null),
      detail: reason === undefined ? row['reason_detail'] : (reason?.detail ?? null),
      head: change.head === undefined ? row['head'] : change.head,
      pr: change.pr === undefined ? row['pr'] : change.pr === null ? null : JSON.stringify(change.pr),
      rounds: change.rounds === undefined ? row['rounds'] : JSON.stringify(change.rounds),
      trace: change.trace === undefined ? row['trace'] : JSON.stringify(change.trace),
      ticked: change.ticked === undefined ? row['ticked'] : JSON.stringify(change.ticked),
      session: change.session === undefined ? row['session'] : JSON.stringify(change.session),
      checkedHead: change.checked?.head ?? row['checked_head'],
      checksGreen: change.checked?.green ?? row['checks_green'],
      checksTotal: change.checked?.total ?? row['checks_total'],
      loops: change.loops === undefined ? row['loops'] : JSON.stringify(change.loops),
      forge: change.forge === undefined ? row['forge'] : JSON.stringify(change.forge),
      cost: change.addCostMicroUsd ?? 0,
      budgetFrom: change.budgetFromMicroUsd ?? null,
      now,
    });
    const wasOver = row['status'] === 'done' || row['status'] === 'cancelled';
    if (wasOver && (change.status === 'active' || change.status === 'needs_you')) takenUp.run(id);
    if (change.head == null) return;
    begun.run(id);
    begunAt.run(now, id);
  }

  function saveAccount(account: AccountState): void {
    upsertAccount.run({
      id: account.id,
      hold: account.hold === null ? null : JSON.stringify(account.hold),
      state: account.breaker.state,
      failures: account.breaker.failures,
      probeAt: account.breaker.probeAt,
      since: account.breaker.since,
      notBefore: account.notBefore,
      lastProbeAt: account.lastProbeAt,
      proven: account.provenFingerprint,
      windows: JSON.stringify(account.windows),
      pinned: account.pinned === null ? null : JSON.stringify(account.pinned),
      windowsAt: account.windows.reduce<number | null>((at, { seenAt }) => Math.max(at ?? 0, seenAt), null),
    });
  }

  function insertOutbox(rows: readonly NewOutboxRow[], now: number): void {
    for (const row of rows) {
      // One that nobody has begun to deliver will tell of this, too.
      if (row.message.kind === 'tracker.report' && untried.get(row.orderKey) !== undefined) continue;
      outbox.run({
        destination: row.destination,
        key: row.key,
        orderKey: row.orderKey,
        message: JSON.stringify(row.message),
        availableAt: row.availableAt ?? now,
        now,
      });
    }
  }

  function prove(proofs: readonly CliProof[]): void {
    for (const { kind, version, bin, by, at } of proofs)
      if (by === null) succeededOnce.run({ kind, version, bin, at });
      else trusted.run({ kind, version, by, at });
  }

  return {
    insertJob,
    saveAccount,
    prove,
    insertOutbox,
    apply(effects, { job, runId }, now) {
      if (effects.job !== undefined) changeJob(job, effects.job, now);
      if (effects.run !== undefined && runId !== null) changeRun(job, runId, effects.run, now);
      if (effects.task !== undefined && job.taskId !== null) changeTask(job.taskId, effects.task, now);
      if (effects.account !== undefined) saveAccount(effects.account);
      prove(effects.proofs ?? []);
      if (effects.project === 'failed') failed.run(job.project);
      if (effects.project === 'succeeded') succeeded.run(job.project);
      for (const next of effects.newJobs ?? []) insertJob(next, now);
      insertOutbox(effects.outbox ?? [], now);
    },
  };
}
