import { describe, expect, it } from 'vitest';
import { dependenciesIn, issueNumbersIn } from './dependency-lines.ts';

describe('lines that name what has to be done first', () => {
  it.each([
    ['Depends on WID-3', ['WID-3']],
    ['- blocked by: wid-3, WID-4 and #7', ['WID-3', 'WID-4', '#7']],
    ['**Depends on** #12.', ['#12']],
    ['text\nBlocked by WID-1\nmore\nDepends on WID-1', ['WID-1']],
    ['Blocked by acme/widgets#3, Acme/my.repo_2-x#4 and #3', ['ACME/WIDGETS#3', 'ACME/MY.REPO_2-X#4', '#3']],
    ['It depends on WID-3, says Ada', []],
    ['Depends on the weather', []],
    ['> Depends on #3', []],
    ['Depends on https://x.example/WID-3-b/#4', []],
    ['Depends on https://x.example/acme/widgets#4', []],
    [
      `Depends on ${Array.from({ length: 40 }, (_, i) => `#${i}`).join(' ')}`,
      Array.from({ length: 20 }, (_, i) => `#${i}`),
    ],
    [`Depends on${' '.repeat(100_000)}x`, []],
  ])('%j names %j', (text, names) => {
    expect(dependenciesIn(text)).toEqual(names);
  });

  it.each([
    ['```\nBlocked by #1\n```\nBlocked by #2', ['#2']],
    ['```md\r\nBlocked by #1\r\n```\r\nBlocked by #2', ['#2']],
    ['~~~~\nBlocked by #1\n~~~\nBlocked by #3\n~~~~~\nBlocked by #2', ['#2']],
    ['- so:\n  ```\n  Blocked by #1\n  ```\n- Blocked by #2', ['#2']],
    ['````\n```\nBlocked by #1\n```\n````\nBlocked by #2', ['#2']],
    ['```\nBlocked by #1\n```js\nBlocked by #3', []],
    ['Blocked by `#1` and ``a ` #3``, #2', ['#2']],
    ['`Depends on #1`\n- `Depends on #3`', []],
    ['Depends on #1, not `quoted', ['#1']],
    ['`'.repeat(100_000), []],
  ])('are none in code: %j names %j', (text, names) => {
    expect(dependenciesIn(text)).toEqual(names);
  });

  it('are numbers where items have them: of this repository, by its name or by the key of the project', () => {
    const text = 'Depends on #2, acme/Widgets#3, acme/gadgets#4, WID-5, ABC-6, #0\nBlocked by #3';
    expect(issueNumbersIn(text, 'wid', { owner: 'acme', name: 'widgets' })).toEqual([2, 3, 5]);
  });
});
