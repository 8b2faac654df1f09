import { afterAll, describe, expect, it } from 'vitest';
import { API, FILES } from './contract/api.ts';
import { createHttpKit } from './test-kit.ts';

const kit = createHttpKit();
afterAll(() => kit.close());

interface Registered {
  readonly query: unknown;
  readonly body: unknown;
  /** Of each answer that goes well, in JSON. */
  readonly answers: readonly unknown[];
}

/** What each route was made with: the schemas themselves, as they check and describe. */
const registered = new Map<string, Registered>(
  kit.app.openAPIRegistry.definitions.flatMap((definition) => {
    if (definition.type !== 'route') return [];
    const { method, path, request, responses } = definition.route;
    return [
      [
        `${method.toUpperCase()} ${path.replace('/api/v1', '')}`,
        {
          query: request?.query,
          body: jsonOf(request?.body),
          answers: Object.values(responses).map(jsonOf).filter(Boolean),
        },
      ],
    ];
  }),
);

function jsonOf(part: object | undefined): unknown {
  const { content } = (part ?? {}) as { content?: Record<string, { schema?: unknown }> };
  return content?.['application/json']?.schema;
}

describe('the table of the API', () => {
  it('has every route, and no other', () => {
    expect(Object.keys(API).length).toBeGreaterThan(70);
    expect([...Object.keys(API), ...Object.keys(FILES)].toSorted()).toEqual(
      [...registered.keys()].toSorted(),
    );
  });

  it.each(Object.entries<Described>(API))('says of %s what the route itself says', (name, said) => {
    const route = registered.get(name);
    expect(route?.answers.length).toBeGreaterThan(0);
    // Not alike but the same: a copy would part from it with the next change.
    for (const answer of route?.answers ?? []) expect(answer === said.answer).toBe(true);
    expect(route?.query === said.query).toBe(true);
    expect(route?.body === said.body).toBe(true);
  });

  it.each(Object.entries<Omit<Described, 'answer'>>(FILES))(
    'names %s, which answers no JSON',
    (name, said) => {
      expect(registered.get(name)?.answers).toEqual([]);
      expect(registered.get(name)?.query === said.query).toBe(true);
    },
  );
});

interface Described {
  readonly query?: unknown;
  readonly body?: unknown;
  readonly answer: unknown;
}
