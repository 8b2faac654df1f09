import { describe, expect, it } from 'vitest';
import {
  COLLECT_MS,
  DEFAULT_RULES,
  HEARD_AFTER_MS,
  MAX_NEW,
  NO_COVERS,
  type PlanInput,
  planOf,
  RETELL_MS,
  type Told,
} from './incident-plan.ts';
import { type Matter, noted } from './matter.ts';

const T0 = Date.UTC(2026, 0, 5, 9);
const MINUTE = 60_000;

function matter(fields: Partial<Matter> = {}): Matter {
  return {
    ...{ key: 'account:a', event: 'needs_you', project: null, title: 'Account a is signed out', detail: '' },
    ...{ urgent: true, commit: null, state: 'open', level: 2, atOnce: false, counted: 0, outcome: null },
    ...{ openedAt: T0, changedAt: T0, resolvedAt: null, lastRow: 1 },
    ...fields,
  };
}

function told(fields: Partial<Told> = {}): Told {
  return {
    ...{
      messageRef: '7',
      text: 'before',
      level: 2,
      openedAt: T0,
      sentAt: T0,
      resolvedAt: null,
      isDigest: false,
    },
    ...fields,
  };
}

/** A minute after it began, on a channel with the usual rules. */
function plan(of: Partial<Matter>, fields: Partial<PlanInput> = {}) {
  return planOf({
    ...{ matter: matter(of), told: null, text: 'now', rules: DEFAULT_RULES, covers: NO_COVERS },
    ...{ mutedUntil: null, recent: 0, now: T0 + MINUTE },
    ...fields,
  });
}

const JOB = { key: 'job_1', event: 'out_of_retries', atOnce: true, project: 'api' } as const;
const SEND = { kind: 'send', silent: false };
const rules = (fields: Partial<typeof DEFAULT_RULES>) => ({ rules: { ...DEFAULT_RULES, ...fields } });

describe('the first message of an incident', () => {
  it('waits for its siblings, unless it is of a single job', () => {
    expect(plan({}, { now: T0 + 5000 })).toEqual({ kind: 'wait', until: T0 + COLLECT_MS });
    expect(plan({}, { now: T0 + COLLECT_MS })).toEqual(SEND);
    expect(plan(JOB, { now: T0 })).toEqual(SEND);
  });

  it('is not sent at all when it is over by then', () => {
    expect(plan({ state: 'resolved', resolvedAt: T0 + 1 })).toEqual({ kind: 'nothing' });
  });

  it('goes by the rules of its channel', () => {
    const events = { ...DEFAULT_RULES.events, needs_you: 'off' } as const;
    expect(plan({}, rules({ events }))).toEqual({ kind: 'nothing' });
    expect(plan({ event: 'limit' })).toEqual({ kind: 'collect', silent: true });
    expect(plan(JOB, rules({ projects: ['web'] }))).toEqual({ kind: 'nothing' });
    expect(plan(JOB, rules({ projects: ['api'] }))).toEqual(SEND);
    // What is of no project is told to all.
    expect(plan({}, rules({ projects: ['web'] }))).toEqual(SEND);
  });

  it('shares one with others when there are many, but not what is answered at its own', () => {
    expect(plan(JOB, { recent: MAX_NEW - 1 })).toEqual(SEND);
    expect(plan(JOB, { recent: MAX_NEW })).toEqual({ kind: 'collect', silent: false });
    for (const event of ['approval', 'question'] as const)
      expect(plan({ ...JOB, event }, { recent: 99 })).toEqual(SEND);
    expect(plan(JOB, { recent: 99, ...rules({ bundles: false }) })).toEqual(SEND);
  });

  it('waits for the end of a mute and of quiet hours, in which only what is urgent is told', () => {
    const until = T0 + 60 * MINUTE;
    expect(plan({}, { mutedUntil: until })).toEqual({ kind: 'wait', until });
    const quiet = rules({ quiet: () => ({ until }) });
    expect(plan({ urgent: false }, quiet)).toEqual({ kind: 'wait', until });
    expect(plan({}, quiet)).toEqual(SEND);
    expect(plan({ urgent: false }, rules({ quiet: () => ({ until: null }) }))).toMatchObject({
      kind: 'wait',
    });
  });

  it.each([
    ['a pause', { paused: true }, {}],
    ['a pause of its project', { pausedProjects: ['api'] }, { key: 'budget:api', project: 'api' }],
    ['a full disk', { host: true }, {}],
    ['a full disk', { host: true }, { ...JOB, urgent: false }],
    ['a forge that does not answer', { unreachable: ['api'] }, { ...JOB, urgent: false }],
  ] as const)('is hidden behind %s', (_name, covers, of) => {
    expect(plan(of, { covers: { ...NO_COVERS, ...covers } })).toEqual({
      kind: 'wait',
      until: T0 + 2 * MINUTE,
    });
    expect(plan(of)).toEqual(SEND);
  });

  it('is not hidden when a person is needed whatever else is wrong', () => {
    const covers = { paused: true, pausedProjects: ['api'], host: true, unreachable: ['api'] };
    for (const of of [
      JOB,
      { ...JOB, key: 'approval:API-1:deploy', event: 'approval' as const },
      { key: 'host' },
    ])
      expect(plan(of, { covers })).toEqual(SEND);
  });
});

describe('what comes after it', () => {
  it('edits it, and does nothing when nothing changed', () => {
    expect(plan({}, { told: told() })).toEqual({ kind: 'edit' });
    expect(plan({}, { told: told({ text: 'now' }) })).toEqual({ kind: 'nothing' });
  });

  it('is a new message when it got worse or the old one is far up, except of one job', () => {
    expect(plan({}, { told: told({ level: 1 }) })).toEqual(SEND);
    expect(plan(JOB, { told: told({ level: 1 }) })).toEqual({ kind: 'edit' });
    expect(plan({}, { told: told(), now: T0 + RETELL_MS })).toEqual(SEND);
    // Not while nobody is to be disturbed.
    expect(plan({}, { told: told({ level: 1 }), mutedUntil: T0 + 99 * MINUTE })).toEqual({ kind: 'edit' });
  });

  it('is its end, heard only when it lasted and no person ended it', () => {
    const end = (ms: number, of: Partial<Matter> = {}, fields: Partial<PlanInput> = {}) =>
      plan({ ...of, state: 'resolved', resolvedAt: T0 + ms }, { told: told(), now: T0 + ms, ...fields });
    expect(end(HEARD_AFTER_MS)).toEqual({ kind: 'resolve', heard: false });
    expect(end(HEARD_AFTER_MS + 1)).toEqual({ kind: 'resolve', heard: true });
    expect(end(HEARD_AFTER_MS + 1, JOB)).toEqual({ kind: 'resolve', heard: false });
    expect(end(HEARD_AFTER_MS + 1, {}, { mutedUntil: T0 + 99 * MINUTE })).toMatchObject({ heard: false });
    expect(end(1, {}, { told: told({ isDigest: true }) })).toEqual({ kind: 'collect', silent: true });
    expect(end(1, {}, { told: told({ resolvedAt: T0 }) })).toEqual({ kind: 'nothing' });
  });
});

describe('a matter', () => {
  const row = (id: number) => ({ id, key: `r${id}`, createdAt: T0 + id });
  const fact = {
    kind: 'notify.incident',
    incident: 'job_1',
    title: 't',
    detail: 'd',
    urgent: false,
  } as const;

  it('goes on from fact to fact, ends, and begins anew', () => {
    const first = noted(null, fact, row(1));
    const second = noted(first, { ...fact, urgent: true }, row(2));
    expect(second).toMatchObject({ openedAt: T0 + 1, level: 2, event: 'out_of_retries', atOnce: true });
    const over = noted(
      second,
      { kind: 'notify.resolved', incident: 'job_1', outcome: 'Retried by mara' },
      row(3),
    );
    expect(over).toMatchObject({ state: 'resolved', outcome: 'Retried by mara', resolvedAt: T0 + 3 });
    expect(noted(over, fact, row(4))).toMatchObject({ state: 'open', openedAt: T0 + 4, outcome: null });
  });

  it('is changed by no older fact, and ended by none that it never was', () => {
    const now = noted(null, fact, row(5));
    expect(noted(now, fact, row(5))).toBeNull();
    expect(noted(now, { kind: 'notify.resolved', incident: 'job_1' }, row(4))).toBeNull();
    expect(noted(null, { kind: 'notify.resolved', incident: 'job_1' }, row(6))).toBeNull();
  });
});
