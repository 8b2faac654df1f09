import { Counter, Gauge, Registry } from 'prom-client';
import type { Engine } from '../engine/engine.ts';

/**
 * What there is to watch, as Prometheus reads it. Labels are closed sets, projects and accounts of the
 * configuration: never a task, a run or a branch.
 */
export function createMetrics(engine: Engine) {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `orch_${name}`, help, labelNames, registers });
  const jobs = gauge('jobs', 'Jobs by status', ['status']);
  const held = gauge('jobs_held', 'Queued jobs by the code of their reason', ['reason', 'state']);
  const tasks = gauge('tasks', 'Tasks by status', ['status']);
  const running = gauge('runs_live', 'Live runs by project', ['project']);
  const tick = gauge(
    'scheduler_tick_age_seconds',
    'Since the scheduler last looked; absent before its first look',
  );
  const outbox = gauge('outbox_dead', 'Messages that were given up, by destination', ['destination']);
  const depth = gauge('outbox_depth', 'Messages that wait to be delivered', ['destination']);
  const silent = gauge('destination_unanswered_seconds', 'Since a destination does not answer', [
    'destination',
  ]);
  const accounts = gauge('account_state', '1 for the state an account is in', ['account', 'state']);
  const slots = gauge('account_slots', 'Runs that may live on an account', ['account']);
  const today = gauge('spent_today_usd', 'Known cost of the runs that ended on this UTC day', ['project']);
  const tokens = gauge('tokens_today', 'Tokens of the runs that ended on this UTC day', ['project']);
  const unknown = gauge('unknown_costs_today', 'Runs of this UTC day whose cost nobody told', ['project']);
  const claims = new Counter({ name: 'orch_claims_total', help: 'Runs started by this process', registers });
  const ended = new Counter({
    ...{ name: 'orch_runs_total', help: 'Runs ended in this process, by verdict', registers },
    labelNames: ['verdict'],
  });
  engine.onRun({
    claimed: () => claims.inc(),
    ended: (verdict) => ended.inc({ verdict }),
  });

  return {
    contentType: registry.contentType,
    async text(): Promise<string> {
      for (const each of [
        jobs,
        held,
        tasks,
        running,
        outbox,
        depth,
        silent,
        accounts,
        slots,
        today,
        tokens,
        unknown,
      ])
        each.reset();
      const { store } = engine;
      const now = Date.now();
      const [counts, troubles, { explanation }, all, spent] = await Promise.all([
        store.counts(),
        engine.letters.troubles(),
        engine.explain({ project: null }),
        engine.accounts(),
        engine.spentToday(),
      ]);
      for (const [status, n] of Object.entries(counts.jobs)) jobs.set({ status }, n);
      for (const [status, n] of Object.entries(counts.tasks)) tasks.set({ status }, n);
      for (const { reason, jobs: waiting } of explanation.reasons)
        if (waiting.length > 0) held.inc({ reason: reason.code, state: reason.state }, waiting.length);
      for (const [project, n] of counts.runningByProject) running.set({ project }, n);
      const age = engine.tickAge();
      if (age === null) tick.remove();
      else tick.set(age / 1000);
      for (const { name, dead, unanswered } of troubles) {
        if (dead !== null) outbox.set({ destination: name }, dead.count);
        if (unanswered !== null) silent.set({ destination: name }, (now - unanswered.since) / 1000);
      }
      for (const [destination, n] of await store.reports.undelivered()) depth.set({ destination }, n);
      for (const { entry, signIn, gate } of all) {
        const account = entry.account.id;
        accounts.set({ account, state: gate?.kind === 'closed' ? gate.code : signIn.state }, 1);
        slots.set({ account }, entry.slots);
      }
      for (const [project, { microUsd, tokens: n, unknownCosts }] of spent) {
        today.set({ project }, microUsd / 1e6);
        tokens.set({ project }, n);
        unknown.set({ project }, unknownCosts);
      }
      return registry.metrics();
    },
  };
}
