import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { problemsOf } from './test-kit.ts';

describe('whatever a file holds', () => {
  const key = fc.oneof(
    fc.constantFrom(
      'accounts',
      'projects',
      'notify',
      'retention',
      'port',
      'home',
      'pipeline',
      'pipelines',
      'stage',
      'kind',
      'env',
      'a',
    ),
    fc.constantFrom(
      'repo',
      'tracker',
      'workspace',
      'reserve',
      'prompt',
      'constructor',
      'toString',
      '__proto__',
      'webhook',
    ),
    fc.string({ maxLength: 8 }),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      fc.oneof(fc.string(), fc.integer(), fc.double(), fc.boolean(), fc.constant(null), key),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(key, tie('value'), { maxKeys: 6 }),
    ),
  }));

  it('loading it ends well or with config.invalid', () => {
    fc.assert(
      fc.property(fc.dictionary(key, value, { maxKeys: 6 }), (document) => {
        problemsOf(stringify(document));
      }),
      { numRuns: 200 },
    );
  });

  it('so does loading a good file with one value replaced by another', () => {
    const good = {
      telegram_chat_id: -100,
      accounts: {
        a: { agent: 'scripted', home: '/h', env: { X: 'y' }, reserve: { five_hour: '40%', hours: '08-18' } },
      },
      projects: {
        p: {
          repo: '.',
          base: 'main',
          tracker: { kind: 'local' },
          forge: { kind: 'local' },
          accounts: ['a'],
          weight: 1,
          budget: { usd_per_day: 1 },
          workspace: { setup: ['x'], copy: ['x'], env: { A: 'b' } },
          git: { branch: '{key}' },
          pipeline: [
            {
              stage: 'development',
              timeout: '2h',
              prompt: 'x',
              permission: 'default',
            },
            { stage: 'security', agent: 'reviewer', tools: 'read', when: { labels: ['x'], paths: ['a/**'] } },
            { stage: 'accept', kind: 'human', on_reject: 'development', merge: 'auto' },
          ],
          pipelines: {
            quick: { when: { labels: ['x'], size: 'small' } },
            short: { when: { size: ['medium'] }, stages: [{ stage: 'development' }] },
          },
        },
      },
      notify: {
        telegram: { events: { run: 'on' } },
        webhook: { url: 'https://x.example', secret: 's', projects: ['p'] },
      },
    };
    expect(problemsOf(stringify(good))).toEqual([]);
    const paths: PropertyKey[][] = [];
    const collect = (node: unknown, path: PropertyKey[]): void => {
      if (path.length > 0) paths.push(path);
      if (typeof node !== 'object' || node === null) return;
      for (const [step, child] of Object.entries(node)) collect(child, [...path, step]);
    };
    collect(good, []);
    fc.assert(
      fc.property(fc.constantFrom(...paths), value, (path, replacement) => {
        const document: unknown = structuredClone(good);
        const parent = path
          .slice(0, -1)
          .reduce((node, step) => (node as Record<PropertyKey, unknown>)[step], document);
        (parent as Record<PropertyKey, unknown>)[path.at(-1) ?? ''] = replacement;
        problemsOf(stringify(document));
      }),
      { numRuns: 400 },
    );
  });

  it('so does loading text that may not be YAML', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(
          fc.constantFrom(
            'a',
            ': ',
            '- ',
            '[',
            '{',
            '}',
            ']',
            '&x ',
            '*x',
            '\n',
            '  ',
            '"',
            "'",
            '!t ',
            '? ',
            '|',
            '#',
            '<<',
            '%',
            '\t',
          ),
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (document) => {
        problemsOf(document);
      }),
      { numRuns: 200 },
    );
  });

  it('even when it is nested a thousand deep or very large', () => {
    expect(problemsOf('['.repeat(50_000)).length).toBeGreaterThan(0);
    expect(problemsOf(`${'['.repeat(1000)}${']'.repeat(1000)}`).length).toBeGreaterThan(0);
    expect(problemsOf(`a: ${'['.repeat(40)}${']'.repeat(40)}`)).toMatchObject([
      { problem: 'is nested too deeply' },
    ]);
    expect(problemsOf(`a: ${'x'.repeat(2_000_000)}`)).toHaveLength(1);
    const laughs = Array.from({ length: 9 }, (_, i) => `k${i + 1}: &k${i + 1} [${`*k${i}, `.repeat(9)}]`);
    expect(problemsOf(['k0: &k0 [x]', ...laughs].join('\n'))).toHaveLength(1);
  });
});
