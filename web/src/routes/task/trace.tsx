import { type ReactNode, useState } from 'react';
import { useAct } from '../../api/actions.ts';
import { copy } from '../../copy.ts';
import { plural } from '../../lib/format.ts';
import type { TestWire, TraceWire } from '../../lib/trace.ts';
import { ActionButton } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { Empty } from '../../ui/states.tsx';
import { Table } from '../../ui/table.tsx';
import { Chip, type StateName } from '../../ui/tone.tsx';

const STATES: Readonly<Record<TestWire['state'], StateName>> = {
  passed: 'done',
  ticked: 'done',
  failed: 'failed',
  missing: 'failed',
  not_proven: 'waiting',
  to_tick: 'needs_you',
};

/** Each criterion with the tests that prove it; manual ones are ticked here. */
export function Trace({ trace, taskKey }: { trace: TraceWire; taskKey: string }) {
  const tick = useAct('tick', { done: copy.trace.ticked });
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const open = trace.criteria.flatMap(({ tests }) => tests).filter(({ state }) => state === 'to_tick');
  const ready = chosen.filter((id) => open.some((test) => test.id === id));
  return (
    <Card
      title={copy.trace.title}
      hint={trace.head === null ? undefined : <span className="mono">{trace.head.slice(0, 10)}</span>}
      extra={
        open.length === 0 ? undefined : (
          <ActionButton
            isSmall
            action="tick"
            isPending={tick.isPending}
            whyNot={ready.length === 0 ? copy.trace.chooseFirst : undefined}
            onClick={() => tick.mutate({ target: taskKey, tests: ready })}
          >
            {copy.trace.tick(plural(ready.length, 'test'))}
          </ActionButton>
        )
      }
    >
      {trace.criteria.length === 0 ? (
        <Empty>{copy.trace.none}</Empty>
      ) : (
        <Table columns={[copy.trace.criterion, copy.trace.tests]}>
          {trace.criteria.map((criterion) => (
            <tr key={criterion.id}>
              <td className="full align-top">
                <span className="mono text-sm">{criterion.id}</span>{' '}
                <span className="wrap-anywhere">{criterion.text}</span>
                {criterion.requirements.length === 0 ? null : (
                  <span className="mono block text-xs text-ink-3">{criterion.requirements.join(' ')}</span>
                )}
              </td>
              <td className="full align-top">
                {criterion.tests.length === 0 ? (
                  <Chip state="failed">{copy.trace.noTest}</Chip>
                ) : (
                  <ul className="grid gap-2">
                    {criterion.tests.map((test) => (
                      <TestLine key={test.id} test={test}>
                        {test.state === 'to_tick' ? (
                          <input
                            type="checkbox"
                            className="mt-1 size-4 accent-accent"
                            aria-label={`${test.id} ${test.what}`}
                            checked={chosen.includes(test.id)}
                            onChange={(event) =>
                              setChosen((old) =>
                                event.target.checked ? [...old, test.id] : old.filter((id) => id !== test.id),
                              )
                            }
                          />
                        ) : null}
                      </TestLine>
                    ))}
                  </ul>
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Card>
  );
}

/** One test of a criterion: where it stands, its name, what it looks at. */
export function TestLine({ test, children }: { test: TestWire; children?: ReactNode }) {
  return (
    <li className="flex flex-wrap items-start gap-x-2 gap-y-1 text-sm">
      {children}
      <Chip state={STATES[test.state]}>{copy.trace.state[test.state]}</Chip>
      <span className="mono">{test.id}</span>
      <span className="min-w-0 wrap-anywhere">{test.what}</span>
      {test.detail === '' ? null : <span className="basis-full wrap-anywhere text-ink-3">{test.detail}</span>}
    </li>
  );
}
