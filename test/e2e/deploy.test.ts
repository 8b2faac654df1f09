import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handIn, type Installation, waitFor } from '../support/orch.ts';
import { type Stories, type Story, tell } from '../support/stories.ts';

/** From the approval to the merge and after it, where others work on the same branches. */

const DEV = '{ stage: development, agent: developer, tools: write }';
const writes = (file: string, text: string) => handIn({ outcome: 'done' }, `echo '${text}' > ${file}`);

const STORIES: readonly Story[] = [
  {
    name: 'gets a commit while it waits',
    pipeline: [DEV, '{ stage: deploy, kind: deploy, approval: required }'],
    scenes: [writes('src/one.js', 'one')],
  },
  {
    name: 'is wrong together with another',
    pipeline: [DEV, '{ stage: deploy, kind: deploy, approval: required }'],
    project: ['checks: ["sh check.sh"]'],
    scenes: [
      writes('src/left.js', 'left'),
      handIn({ outcome: 'done' }, 'git rm -qf src/left.js; echo up > src/up.js'),
    ],
  },
  {
    name: 'is merged by hand',
    pipeline: [
      DEV,
      '{ stage: deploy, kind: deploy, approval: none, merge: manual, command: "cp src/three.js ../../../deployed.js" }',
    ],
    scenes: [writes('src/three.js', 'three')],
  },
  {
    name: 'is merged elsewhere',
    pipeline: [DEV, '{ stage: deploy, kind: deploy, approval: required }'],
    scenes: [writes('src/four.js', 'four')],
  },
];

/** Left and right are fine, but not together. */
const FILES = {
  'check.sh':
    'test -f src/left.js && test -f src/right.js && { echo "error: left and right"; exit 1; }\nexit 0\n',
};

describe('a deploy', () => {
  let told: Stories;
  let here: Installation;

  beforeAll(async () => {
    told = await tell(STORIES, { files: FILES });
    ({ here } = told);
  }, 60_000);
  afterAll(() => here.remove());

  const waits = (name: string) =>
    told.until(name, (task) => task.stage === 'deploy' && task.reason?.code === 'approval.pending');
  const approve = async (key: string) => expect(await here.orch('approve', key)).toMatchObject({ code: 0 });
  /** A person's clone of a branch. */
  function person(branch: string) {
    const folder = mkdtempSync(join(here.root, 'person-'));
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=Mara', '-c', 'user.email=m@localhost', ...args], {
        cwd: folder,
        encoding: 'utf8',
      }).trim();
    git('clone', '-q', '-b', branch, here.repository, '.');
    const commit = (file: string, text: string) => {
      writeFileSync(join(folder, file), text);
      git('add', '-A');
      git('commit', '-q', '-m', `Add ${file}`);
    };
    return { git, commit };
  }
  const onMain = () =>
    execFileSync('git', ['-C', here.repository, 'ls-tree', '-r', '--name-only', 'main'], {
      encoding: 'utf8',
    });

  it('asks again when somebody has pushed to the approved branch, and then merges that too', async () => {
    const name = 'gets a commit while it waits';
    await told.begin(name);
    const { key, head, branch } = await waits(name);
    const mara = person(branch);
    mara.commit('src/by-mara.js', 'x\n');
    mara.git('push', '-q', 'origin', `HEAD:${branch}`);
    await approve(key);
    const again = await told.until(name, (task) => task.head !== head && task.status === 'needs_you');
    expect(again.reason).toMatchObject({
      code: 'approval.pending',
      detail: expect.stringContaining(`the head moved from ${head?.slice(0, 7)}`),
    });
    expect(again.jobs.at(-1)).toMatchObject({ attempts: 0 });
    expect(onMain()).not.toContain('src/one.js');
    await approve(key);
    await told.until(name, ({ status }) => status === 'done');
    expect(onMain()).toMatch(/src\/by-mara\.js[\s\S]*src\/one\.js/);
  });

  it('checks what the base will be, and sends back what is wrong together with what came in between', async () => {
    const name = 'is wrong together with another';
    await told.begin(name);
    const { key } = await waits(name);
    const mara = person('main');
    mara.commit('src/right.js', 'right\n');
    mara.git('push', '-q', 'origin', 'HEAD:main');
    await approve(key);
    const back = await told.until(
      name,
      (task) => task.jobs.length === 4 && task.reason?.code === 'approval.pending',
    );
    expect(back.jobs.map((job) => [job.stage, job.status])).toEqual([
      ['development', 'done'],
      ['deploy', 'done'],
      ['development', 'done'],
      ['deploy', 'queued'],
    ]);
    expect(told.prompts(name)[1]).toContain(
      '- check failed on the merge with main: sh check.sh: error: left and right',
    );
    expect(onMain()).not.toContain('src/left.js');
    await approve(key);
    await told.until(name, ({ status }) => status === 'done');
    expect(onMain()).toMatch(/src\/right\.js[\s\S]*src\/up\.js/);
  });

  it('by hand waits for the merge, and runs its command on it', async () => {
    const name = 'is merged by hand';
    await told.begin(name);
    const { branch, key, reason } = await waits(name);
    expect(reason?.detail).toContain(`is not in main yet: merge it, then orch approve ${key}`);
    const mara = person('main');
    mara.git('fetch', '-q', 'origin', branch);
    mara.git('merge', '-q', '--no-ff', '-m', 'By hand', 'FETCH_HEAD');
    mara.git('push', '-q', 'origin', 'HEAD:main');
    await told.until(name, ({ status }) => status === 'done');
    const deployed = join(here.home, 'deployed.js');
    await waitFor(() => existsSync(deployed));
    expect(readFileSync(deployed, 'utf8')).toBe('three\n');
  });

  it('that waits for approval goes on when somebody merged the branch', async () => {
    const name = 'is merged elsewhere';
    await told.begin(name);
    const { branch } = await waits(name);
    const mara = person('main');
    mara.git('fetch', '-q', 'origin', branch);
    mara.git('merge', '-q', '--no-ff', '-m', 'By hand', 'FETCH_HEAD');
    mara.git('push', '-q', 'origin', 'HEAD:main');
    const task = await told.until(name, ({ status }) => status === 'done');
    expect(task.pr).toMatchObject({ state: 'merged' });
    expect(here.rows("SELECT by FROM audit WHERE action = 'merged elsewhere'")).toHaveLength(2);
  });
});
