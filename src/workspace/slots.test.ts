import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { claimSlot, MAX_SLOTS, slotVariables } from './slots.ts';

const run = promisify(execFile);

async function openFolder() {
  const root = await mkdtemp(join(tmpdir(), 'orch-slots-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const slots = join(root, '.slots');
  const worktree = async (name: string) => {
    const path = join(root, 'p', name);
    await mkdir(path, { recursive: true });
    return path;
  };
  return { root, slots, worktree };
}

describe('a slot', () => {
  it('is the lowest free number, and stays with its worktree', async () => {
    const { slots, worktree } = await openFolder();
    const [a, b] = [await worktree('A-1'), await worktree('A-2')];
    expect(await claimSlot(slots, a)).toBe(0);
    expect(await claimSlot(slots, b)).toBe(1);
    expect(await claimSlot(slots, a)).toBe(0);
    expect(await claimSlot(slots, b)).toBe(1);
  });

  it('is free again when its worktree is gone, and leaves one file behind for each number', async () => {
    const { slots, worktree } = await openFolder();
    const [a, b, c] = [await worktree('A-1'), await worktree('A-2'), await worktree('A-3')];
    await claimSlot(slots, a);
    await claimSlot(slots, b);
    await rm(a, { recursive: true });
    expect(await claimSlot(slots, c)).toBe(0);
    expect(await claimSlot(slots, await worktree('A-1'))).toBe(2);
    expect((await readdir(slots)).toSorted()).toEqual(['0.2', '1.1', '2.1']);
  });

  it('goes to one of two claims of the same number, however slow one of them is', async () => {
    const { slots, worktree } = await openFolder();
    const [gone, slow, fast] = [await worktree('A-1'), await worktree('A-2'), await worktree('A-3')];
    await claimSlot(slots, gone);
    await rm(gone, { recursive: true });
    expect(await claimSlot(slots, fast)).toBe(0);
    // Decided on the first generation, made only now: the later generation holds the slot.
    await symlink(slow, join(slots, '0.1'));
    expect(await claimSlot(slots, fast)).toBe(0);
    expect(await claimSlot(slots, slow)).toBe(1);
  });

  it('differs for all worktrees of two processes that claim at once', { timeout: 30_000 }, async () => {
    const { slots, worktree, root } = await openFolder();
    const EACH = 40;
    const names = (of: string) => Array.from({ length: EACH }, (_, i) => `${of}-${i}`);
    for (const name of ['OLD-1', 'OLD-2', 'OLD-3']) await claimSlot(slots, await worktree(name));
    await rm(join(root, 'p'), { recursive: true }); // both find these to heal
    for (const name of [...names('A'), ...names('B')]) await worktree(name);
    const claimer = (of: string) =>
      run(process.execPath, [
        '--input-type=module',
        '-e',
        `import { claimSlot } from ${JSON.stringify(join(import.meta.dirname, 'slots.ts'))};
         for (const name of ${JSON.stringify(names(of))})
           console.log(await claimSlot(${JSON.stringify(slots)}, ${JSON.stringify(join(root, 'p'))} + '/' + name));`,
      ]);
    const claimed = await Promise.all([claimer('A'), claimer('B')]);
    const numbers = claimed.flatMap(({ stdout }) => stdout.trim().split('\n').map(Number));
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 2 * EACH }, (_, i) => i));
  });

  it('is refused with the fix when all are held', async () => {
    const { slots, worktree } = await openFolder();
    await claimSlot(slots, await worktree('A-1'), 2);
    await claimSlot(slots, await worktree('A-2'), 2);
    await expect(claimSlot(slots, await worktree('A-3'), 2)).rejects.toMatchObject({
      code: 'workspace.no_slot',
      hint: expect.stringContaining('worktrees'),
    });
  });
});

describe('the variables of a slot', () => {
  it('give every slot twenty ports of its own below those that the kernel hands out', () => {
    expect(slotVariables('/w/p/P-1', 0)).toMatchObject({ ORCH_SLOT: '0', ORCH_PORT_BASE: '20000' });
    expect(slotVariables('/w/p/P-2', 1)).toMatchObject({ ORCH_SLOT: '1', ORCH_PORT_BASE: '20020' });
    const last = Number(slotVariables('/w/p/P-3', MAX_SLOTS - 1)['ORCH_PORT_BASE']);
    expect(last + 20).toBeLessThanOrEqual(32_768);
    expect(last + 40).toBeGreaterThan(32_768);
  });

  it.each([
    ['/w/p/P-1', /^p-p-1-[0-9a-f]{8}$/],
    ['/w/My.Shop/API-12', /^my-shop-api-12-[0-9a-f]{8}$/],
    ['/w/_x/É-1', /^x-[0-9a-f-]*1-[0-9a-f]{8}$/],
    [`/w/p/${'K'.repeat(80)}`, /^p-k{38}-[0-9a-f]{8}$/],
  ])('name the containers of %s as Compose allows', (path, expected) => {
    const name = slotVariables(path, 0)['COMPOSE_PROJECT_NAME'] ?? '';
    expect(name).toMatch(expected);
    expect(name).toMatch(/^[a-z0-9][a-z0-9_-]*$/);
  });

  it('keep names apart that Compose would make the same', () => {
    const name = (path: string) => slotVariables(path, 0)['COMPOSE_PROJECT_NAME'];
    const paths = ['/w/p/A-1', '/w/p/a-1', '/w/p-a/1', '/other/p/A-1', '/w/p/A.1'];
    expect(new Set(paths.map(name)).size).toBe(paths.length);
  });
});
