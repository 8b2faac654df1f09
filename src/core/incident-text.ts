import type { Matter, NotifyEvent } from './matter.ts';

export interface Text {
  readonly title: string;
  readonly detail: string;
}

/** What a channel shows of one matter that is open. */
export function matterText({ title, detail, counted }: Matter, held: string | null): Text {
  const more = [
    ...(held === null ? [] : [held]),
    ...(counted === 0
      ? []
      : [`${counted} failed ${counted === 1 ? 'attempt counts' : 'attempts count'} in this.`]),
  ];
  return { title, detail: [detail, ...more].filter((line) => line !== '').join('\n') };
}

/** What it shows when it is over. */
export function endText(matter: Matter): Text {
  const { title, outcome, resolvedAt, openedAt } = matter;
  if (outcome !== null) return { title, detail: `${outcome} ${clockTime(resolvedAt ?? openedAt)}` };
  return { title: `Resolved: ${title}`, detail: `Lasted ${lasted(matter)}.` };
}

/** Several matters in one message; a single one as if it had its own. */
export function digestText(matters: readonly Matter[]): Text {
  const [first] = matters;
  if (first === undefined) return { title: '', detail: '' };
  if (matters.length === 1) return first.state === 'resolved' ? endText(first) : matterText(first, null);
  const of = (which: NotifyEvent) => matters.filter(({ event }) => event === which).length;
  const [done, runs] = [of('done'), of('run')];
  const troubles = matters.length - done - runs;
  const counts = [
    ...(done === 0 ? [] : [`${done} ${done === 1 ? 'task' : 'tasks'} done`]),
    ...(runs === 0 ? [] : [`${runs} ${runs === 1 ? 'run' : 'runs'} started`]),
    ...(troubles === 0 ? [] : [`${troubles} ${troubles === 1 ? 'incident' : 'incidents'}`]),
  ];
  return { title: counts.join(', '), detail: matters.map(lineOf).join('\n') };
}

function lineOf(matter: Matter): string {
  if (matter.state === 'open') return `• ${matter.title}`;
  const { outcome } = matter;
  return `• ${matter.title} (${outcome === null ? `resolved after ${lasted(matter)}` : outcome})`;
}

function lasted({ openedAt, resolvedAt }: Matter): string {
  const ms = (resolvedAt ?? openedAt) - openedAt;
  return ms < 60_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}

/** Hours and minutes by this machine's clock, as people in the chat read them. */
export function clockTime(at: number): string {
  const date = new Date(at);
  const pad = (n: number) => String(n).padStart(2, '0');
  return `${pad(date.getHours())}:${pad(date.getMinutes())}`;
}
