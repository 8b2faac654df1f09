import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from '../workspace/remove-tree.ts';
import { openWorkspace, type WorkspaceOptions } from '../workspace/workspace.ts';
import { type Found, problem, type RehearsalGround, STEPS, type Stage } from './rehearsal-steps.ts';

export interface RehearsalStep extends Omit<Found, 'state'> {
  readonly name: string;
  readonly state: Found['state'] | 'skipped';
  readonly seconds: number;
}

export interface RehearsalParts extends Omit<RehearsalGround, 'workspace' | 'worktreesDir' | 'runDirectory'> {
  /** Where its folders are made; they are gone afterwards. */
  readonly scratch: string;
  /** What its workspace shares with the service: the slots, and how git is reached. */
  readonly shared: Pick<WorkspaceOptions, 'slotsDir' | 'path' | 'network'>;
}

/**
 * Does for a project, without an agent, what a task does, and says what is missing. A step whose
 * ground is missing is skipped and says so. Never throws for what it finds; it yields as it goes. It
 * works in folders of its own, so a running service is not disturbed.
 */
export async function* rehearse(parts: RehearsalParts): AsyncGenerator<RehearsalStep> {
  const { scratch, shared, ...ground } = parts;
  const folder = join(scratch, `check-${randomBytes(6).toString('hex')}`);
  const worktreesDir = join(folder, 'worktrees');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    const workspace = openWorkspace({ ...shared, reposDir: join(folder, 'repos'), worktreesDir });
    yield* walk({ ...ground, workspace, worktreesDir, runDirectory: join(folder, 'runs') });
  } finally {
    await removeTree(folder);
  }
}

async function* walk(ground: RehearsalGround): AsyncGenerator<RehearsalStep> {
  const stage: Stage = {
    ...ground,
    mark: randomBytes(4).toString('hex'),
    base: '',
    clones: [],
    surroundings: null,
    named: new Set(),
  };
  /** The step that failed, by every step that cannot go on without it. */
  const failed = new Map<string, string>();
  for (const { name, needs, run } of STEPS) {
    // Whoever interrupts still gets down what was set up.
    if (ground.signal.aborted && name !== 'teardown') continue;
    const cause = needs.map((need) => failed.get(need)).find((each) => each !== undefined);
    if (cause !== undefined) {
      failed.set(name, cause);
      yield { name, state: 'skipped', detail: `not tried, because ${cause} failed`, fix: null, seconds: 0 };
      continue;
    }
    let since = ground.clock();
    for await (const found of caught(run(stage))) {
      const now = ground.clock();
      if (found.state === 'error') failed.set(name, name);
      yield { name, ...found, seconds: (now - since) / 1000 };
      since = now;
    }
  }
}

/** What a step cannot go on after is its last finding. */
async function* caught(findings: AsyncGenerator<Found>): AsyncGenerator<Found> {
  try {
    yield* findings;
  } catch (error) {
    yield problem(error);
  }
}
