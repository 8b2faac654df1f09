import { afterEach, beforeEach } from 'vitest';
import type { Effects, NewJob } from '../core/effects.ts';
import type { Claimed, ClaimRequest, NewTask, Store } from './store.ts';
import {
  AUDIT,
  claimRequest,
  ENDED,
  EVERYTHING,
  newJob,
  newTask,
  type OpenedStore,
  type OpenStore,
  project,
  refOf,
  T0,
} from './store-rows.contract.ts';

/** A new store before each test, its clock, and the steps that most tests take. Called inside a `describe`. */
export function createStoreKit(open: OpenStore) {
  let opened: OpenedStore;
  const kit = {
    open,
    now: T0,
    get store(): Store {
      return opened.store;
    },
    /** Closes the store and opens the same data again, as a restart does. */
    async reopen(): Promise<void> {
      opened = { ...opened, store: await opened.reopen() };
    },
  };

  beforeEach(async () => {
    kit.now = T0;
    opened = await open(() => kit.now);
    await kit.store.configure([project('api'), project('web')], ['a', 'b']);
  });
  afterEach(() => opened.discard());

  const enqueue = (fields: Partial<NewJob> = {}) =>
    kit.store.enqueue(newJob(fields), (id) => fields.branch ?? `orch/job-${id}`);
  const claim = (fields: Partial<ClaimRequest> = {}) =>
    kit.store.claim(claimRequest({ now: kit.now, ...fields }));
  const claimed = async (fields: Partial<ClaimRequest> = {}): Promise<Claimed> => {
    const result = await claim(fields);
    if (result === null) throw new Error('nothing was claimed');
    return result;
  };
  const end = (ref: Claimed, effects: Effects) => kit.store.settle(refOf(ref), () => effects);
  const finish = (ref: Claimed) =>
    end(ref, { job: { status: 'done', finishedAt: kit.now }, run: ENDED, project: 'succeeded' });
  const fail = (ref: Claimed) =>
    end(ref, { job: { status: 'failed', finishedAt: kit.now }, run: ENDED, project: 'failed' });
  const release = (ref: Claimed) =>
    end(ref, { job: { status: 'queued', attempts: ref.job.attempts - 1 }, run: ENDED });
  const submit = (fields: Partial<NewTask> = {}) =>
    kit.store.submit(newTask(fields), (task) =>
      newJob({ taskId: task.id, branch: task.branch, stage: task.stage }),
    );
  const command = (id: number, effects: Effects) =>
    kit.store.command({ kind: 'job', id }, () => effects, AUDIT);

  return Object.assign(kit, { enqueue, claim, claimed, end, finish, fail, release, submit, command });
}

export type StoreKit = ReturnType<typeof createStoreKit>;

/** Everything a store shows, to compare before and after. */
export async function dump(store: Store): Promise<unknown> {
  return {
    jobs: await store.jobs({ limit: EVERYTHING }),
    runs: await store.runs({ limit: EVERYTHING }),
    tasks: await store.tasks({ limit: EVERYTHING }),
    accounts: await store.accounts(),
    counts: await store.counts(),
    outbox: await Promise.all(
      ['notify', 'tracker:api', 'forge:api'].map((destination) =>
        store.dueMessages(destination, Number.MAX_SAFE_INTEGER, EVERYTHING),
      ),
    ),
    troubles: await store.troubles(),
    pauses: await store.pauses(),
  };
}
