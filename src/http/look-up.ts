import { AppError } from '../core/errors.ts';
import type { Job, Run, Task } from '../core/model.ts';
import type { Engine } from '../engine/engine.ts';
import { MAX_LIMIT } from './contract.ts';
import { jobToWire } from './wire.ts';

/** What a name in an address means: a task key, `job_17` or `run_812`; bare digits after their noun. Throws `not_found`. */
export function createLookUp(engine: Engine) {
  const { store } = engine;
  const missing = (what: string, hint: string) =>
    new AppError(`there is no ${what}`, { code: 'not_found', hint });
  const asJob = (name: string) => (/^\d+$/.test(name) ? `job_${name}` : name);

  async function job(name: string): Promise<Job> {
    const target = await engine.targetOf(asJob(name));
    const found = target.kind === 'job' ? await store.job(target.id) : await latestJob(target.key);
    if (found === null) throw missing(`job ${name}`, 'orch jobs');
    return found;
  }

  async function task(name: string): Promise<Task> {
    const target = await engine.targetOf(name);
    const of = target.kind === 'job' ? await store.job(target.id) : null;
    const found =
      target.kind === 'task'
        ? await store.task(target.key)
        : of?.taskId == null
          ? null
          : await store.taskById(of.taskId);
    if (found === null) throw missing(`task ${name}`, 'orch tasks');
    return found;
  }

  /** Of a task or job the latest run, one with an agent rather than one without. */
  async function run(name: string): Promise<Run> {
    const id = /^(?:run_)?(\d+)$/.exec(name)?.[1];
    const found = id === undefined ? await latestRun(name) : await store.run(Number(id));
    if (found === null) throw missing(`run ${name}`, 'orch runs');
    return found;
  }

  async function target(
    name: string,
  ): Promise<{ key: string | null; id: { jobId: number } | { taskId: number } }> {
    const named = await engine.targetOf(asJob(name));
    if (named.kind === 'task') {
      const found = await task(name);
      return { key: found.key, id: { taskId: found.id } };
    }
    const found = await job(name);
    return { key: await keyOf(found), id: { jobId: found.id } };
  }

  async function keyOf({ taskId }: { readonly taskId: number | null }): Promise<string | null> {
    return taskId === null ? null : ((await store.taskById(taskId))?.key ?? null);
  }

  async function latestJob(key: string): Promise<Job | null> {
    const { id } = await task(key);
    return (await store.jobs({ taskId: id, limit: 1, newestFirst: true })).items[0] ?? null;
  }

  async function latestRun(name: string): Promise<Run | null> {
    const of = await job(name);
    const filter = of.taskId === null ? { jobId: of.id } : { taskId: of.taskId };
    const { items } = await store.runs({ ...filter, limit: MAX_LIMIT, newestFirst: true });
    return items.find(({ agent }) => agent !== null) ?? items[0] ?? null;
  }

  return {
    ...{ job, task, run, target, keyOf },
    async jobToWire(of: Job) {
      return jobToWire(of, await keyOf(of), await engine.reason(of));
    },
  };
}
