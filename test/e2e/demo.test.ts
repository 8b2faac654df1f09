import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { RunWire, TaskWire } from '../../src/http/contract.ts';
import { type Installation, install } from '../support/orch.ts';

let here: Installation;
afterEach(() => here.remove());

interface Demo {
  schema: string;
  task: TaskWire;
  runs: RunWire[];
  seconds: number;
}

it('walks DEMO-1 through every stage to a merge, with one failed attempt and one approval, and a second item after it', async () => {
  here = install();
  here.writeConfig('');
  const demo = await here.json<Demo>('up', '--demo', '--until-done', '--yes');
  expect(demo).toMatchObject({
    schema: 'orch.demo/1',
    task: {
      key: 'DEMO-1',
      status: 'done',
      stage: 'deploy',
      pr: { number: 1, state: 'merged' },
      trace: {
        head: expect.any(String),
        criteria: [{ id: 'AC-1', requirements: ['TR-1'], tests: [{ id: 'TC-1', state: 'passed' }] }],
      },
    },
  });
  expect(demo.runs.map((run) => [run.agent, run.verdict])).toEqual([
    ['analyst', 'success'],
    ['architect', 'success'],
    ['developer', 'permanent'],
    ['developer', 'success'],
    ['reviewer', 'success'],
    ['tester', 'success'],
    [null, 'success'],
  ]);
  expect(demo.runs[2]?.reason).toContain('greetings/spanish.txt does not greet by name');
  const repository = join(here.home, 'demo', 'demo.git');
  expect(
    execFileSync('git', ['-C', repository, 'show', 'main:greetings/spanish.txt'], { encoding: 'utf8' }),
  ).toBe('Hola, {name}!\n');

  const again = await here.json<Demo>('up', '--demo', '--until-done', '--yes');
  expect(again).toMatchObject({ task: { key: 'DEMO-2', status: 'done' } });
});
