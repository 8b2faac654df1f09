import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TaskDetailWire } from '../../src/http/contract.ts';
import { type Installation, install, waitFor } from './orch.ts';
import { commitToBase } from './real-claude.ts';

/** One work item and what its agents do, run by run; the last scene is played again and again. */
export interface Story {
  /** Also the item's title, by which the fake CLI finds the scenes. */
  readonly name: string;
  readonly scenes: readonly string[];
  /** Stages of its project, as YAML flow mappings. */
  readonly pipeline: readonly string[];
  /** More of its project, as one line of YAML a key. */
  readonly project?: readonly string[];
  /** Where it begins. Default: the first stage. */
  readonly stage?: string;
}

export interface Stories {
  readonly here: Installation;
  /** Puts the item on the board; its key. */
  begin(name: string): Promise<string>;
  task(name: string): Promise<TaskDetailWire>;
  /** Waits until the task is as wanted; fails with its runs. */
  until(name: string, wanted: (task: TaskDetailWire) => boolean): Promise<TaskDetailWire>;
  /** What the runs of the item were told, oldest first. */
  prompts(name: string): string[];
}

const PATIENCE_MS = 90_000;

/**
 * Many items in one running service, each in a project of its own, so that no story's failures slow
 * another. All projects share one repository.
 */
export async function tell(
  stories: readonly Story[],
  options: {
    files?: Readonly<Record<string, string>>;
    env?: Readonly<Record<string, string>>;
    /** Instead of the service: something that answers as it does. */
    start?: (here: Installation) => Promise<void>;
  } = {},
): Promise<Stories> {
  const here = install({ env: { ORCH_MAX_CONCURRENCY: '4', ...options.env } });
  const plan = join(here.root, 'plan');
  const projectOf = (name: string) => `s${stories.findIndex((story) => story.name === name)}`;
  const keys = new Map<string, string>();
  const projects = stories.map(
    (story) => `  ${projectOf(story.name)}:
    repo: ${here.repository}
    accounts: [claude-a]
${(story.project ?? []).map((line) => `    ${line}\n`).join('')}    pipeline:
${story.pipeline.map((stage) => `      - ${stage}\n`).join('')}`,
  );
  here.writeConfig(`accounts:
  claude-a: { agent: claude-code, home: ${here.agentHome}, bin: ${join(here.root, 'claude')}, slots: 4, env: { FAKE_PLAN: "${plan}" } }
projects:
${projects.join('')}`);
  commitToBase(here, options.files ?? {});
  for (const story of stories) {
    const folder = join(plan, 'stories', story.name);
    mkdirSync(folder, { recursive: true });
    for (const [i, scene] of story.scenes.entries()) writeFileSync(join(folder, `${i + 1}.sh`), scene);
  }
  here.scene(
    0,
    `story="$FAKE_PLAN/stories/$(sed -n 's/^## Work item [^:]*: //p' "$FAKE_PLAN/call-$n/prompt")"
i=1
while [ -f "$story/$((i + 1)).sh" ] && [ -d "$story/told-$i" ]; do i=$((i + 1)); done
mkdir -p "$story/told-$i"
. "$story/$i.sh"
`,
  );
  await (options.start?.(here) ?? here.up());
  const self: Stories = {
    here,
    async begin(name) {
      const story = stories.find((each) => each.name === name);
      const taken = await here.post<{ task: { key: string } }>('/items', {
        project: projectOf(name),
        title: name,
        ...(story?.stage === undefined ? {} : { stage: story.stage }),
      });
      if (!('task' in taken)) throw new Error(`${name} was not taken on: ${taken.code}`);
      const { task } = taken;
      keys.set(name, task.key);
      return task.key;
    },
    task: (name) => here.task(keys.get(name) ?? ''),
    until: (name, wanted) =>
      waitFor(
        async () => {
          const task = await self.task(name);
          return wanted(task) ? task : null;
        },
        PATIENCE_MS,
        async () => {
          const { stage, status, reason, runs } = await self.task(name);
          return { stage, status, reason, runs: runs.map((run) => [run.agent, run.verdict, run.reason]) };
        },
      ),
    prompts: (name) =>
      Array.from({ length: here.calls() }, (_, i) => here.call(i + 1).prompt).filter((prompt) =>
        prompt.split('\n').some((line) => line.startsWith('## Work item ') && line.endsWith(`: ${name}`)),
      ),
  };
  return self;
}
