import { randomBytes } from 'node:crypto';
import { type Delivery, failureOf } from '../core/delivery.ts';
import type { NewOutboxRow } from '../core/effects.ts';
import { AppError } from '../core/errors.ts';
import { BUTTON_MS, buttonData, buttonsOf } from '../core/incident-buttons.ts';
import { type ChannelRules, type Covers, planOf, type Step, WINDOW_MS } from '../core/incident-plan.ts';
import { digestText, endText, matterText } from '../core/incident-text.ts';
import {
  aboutOf,
  causeOf,
  counting,
  type Fact,
  isNews,
  type Matter,
  matterKey,
  noted,
} from '../core/matter.ts';
import type { Ticket, ToldRow } from '../core/talk.ts';
import type { Clock } from '../lib/clock.ts';
import { type Button, kindOf, type Notifier, type NotifierMessage } from '../notifiers/notifier.ts';
import type { OutboxRow, Store } from '../store/store.ts';

/** Lines of one shared message. */
const MAX_LINES = 30;

export interface DeskParts {
  readonly store: Store;
  readonly notifiers: () => readonly Notifier[];
  readonly rules: (kind: string) => ChannelRules;
  /** Troubles that others follow from, as last seen. */
  readonly covers: () => Covers;
  /** What a matter holds back, in words; null = nothing. */
  readonly held: (matter: Matter) => Promise<string | null>;
  /** Page of a task; null when there is no address that people can reach. */
  readonly pageOf: (path: string) => string | null;
  readonly clock: Clock;
}

/**
 * What people are told. Facts of the `notify` destination become matters, and each change has every channel
 * look at it: a channel decides by what stands then, so that whatever was kept back is told as it is, once.
 */
export function createDesk(parts: DeskParts) {
  const { store, clock } = parts;
  const { talk } = store;

  /** Takes a fact down. Safe to repeat. */
  async function note(row: OutboxRow, fact: Fact): Promise<void> {
    const before = await talk.matter(matterKey(fact, row));
    const causeKey = causeOf(fact);
    const cause = causeKey === null || before?.state === 'open' ? null : await talk.matter(causeKey);
    const after = cause?.state === 'open' ? counting(cause, row) : noted(before, fact, row);
    if (after !== null)
      await talk.saveMatter(
        after,
        parts.notifiers().map((each) => showRow(each, after)),
      );
  }

  /** Has a channel show a matter as it stands. An instant: not before then, and nothing was done. */
  async function show(destination: string, key: string, by: Delivery): Promise<number | null> {
    const notifier = parts.notifiers().find((each) => laneOf(each) === destination);
    // A channel may be taken out of the configuration: it is not told what happened meanwhile.
    const matter = notifier === undefined ? null : await talk.matter(key);
    if (notifier === undefined || matter === null) return null;
    const told = await talk.told(notifier.channel, key);
    const step = await stepOf(notifier, matter, told);
    if (step.kind === 'nothing') return null;
    if (step.kind === 'wait') return step.until;
    const waitMs = notifier.waitMs();
    if (waitMs > 0) return clock() + waitMs;
    switch (step.kind) {
      case 'send':
        await send(notifier, matter, told, by);
        return null;
      case 'edit':
        if (told !== null) await edit(notifier, matter, told, by);
        return null;
      case 'resolve':
        if (told !== null) await end(notifier, matter, told, step.heard, by);
        return null;
      case 'collect':
        await collect(notifier, matter, told, step.silent, by);
        return null;
    }
  }

  async function stepOf(notifier: Notifier, matter: Matter, told: ToldRow | null): Promise<Step> {
    const now = clock();
    const { channel } = notifier;
    const scopes = ['all', matter.key, ...(matter.project === null ? [] : [`project:${matter.project}`])];
    return planOf({
      ...{
        matter,
        told,
        text: markOf(matter),
        rules: parts.rules(kindOf(notifier)),
        covers: parts.covers(),
        now,
      },
      mutedUntil: await talk.mutedUntil(channel, scopes, now),
      recent: await talk.sentSince(channel, now - WINDOW_MS),
    });
  }

  async function send(notifier: Notifier, matter: Matter, told: ToldRow | null, by: Delivery): Promise<void> {
    const { buttons, tickets } = await buttonsFor(notifier, matter);
    const isNew = told === null || told.resolvedAt !== null;
    const message = { ...(await messageOf(matter)), buttons, change: isNew ? 'opened' : 'changed' } as const;
    const { ref, ended } = await sendOnce(notifier, matter.key, message, by);
    await talk.bind(tickets, ref);
    await talk.saveTold([
      toldRow(notifier, matter, { messageRef: ref, sentAt: clock(), isDigest: false }),
      ended,
    ]);
  }

  /**
   * Sends a new message. Any row of the lane may be the one that does: so that it may come twice is noted with what
   * it tells, not with the row. `ended` is to be saved with what follows from it.
   */
  async function sendOnce(
    notifier: Notifier,
    name: string,
    message: NotifierMessage,
    by: Delivery,
  ): Promise<{ readonly ref: string; readonly ended: ToldRow }> {
    const { channel } = notifier;
    const key = `sending:${name}`;
    const now = clock();
    const times = { openedAt: now, updatedAt: now, sentAt: now, resolvedAt: now };
    const begun: ToldRow = {
      key,
      channel,
      messageRef: '',
      text: 'begun',
      level: 0,
      isDigest: true,
      ...times,
    };
    const ended = { ...begun, text: 'ended' };
    const again = by.again || (await talk.told(channel, key))?.text === 'begun';
    await talk.saveTold([begun]);
    try {
      return { ref: await notifier.send(message, { ...by, again }), ended };
    } catch (error) {
      const failure = failureOf(error);
      const isUnsent =
        failure.kind === 'refused' || (failure.kind === 'unreachable' && failure.done === 'no');
      if (!again && isUnsent) await talk.saveTold([ended]);
      throw error;
    }
  }

  async function edit(notifier: Notifier, matter: Matter, told: ToldRow, by: Delivery): Promise<void> {
    const { buttons, tickets } = await buttonsFor(notifier, matter);
    const message = { ...(await messageOf(matter)), buttons };
    if (!(await edited(notifier, told.messageRef, message, by))) return send(notifier, matter, told, by);
    await talk.bind(tickets, told.messageRef);
    await talk.saveTold([toldRow(notifier, matter, told)]);
  }

  async function end(
    notifier: Notifier,
    matter: Matter,
    told: ToldRow,
    heard: boolean,
    by: Delivery,
  ): Promise<void> {
    const message: NotifierMessage = {
      ...(await messageOf(matter)),
      ...endText(matter),
      ...{ state: 'resolved', change: 'resolved', silent: true },
    };
    const isThere = await edited(notifier, told.messageRef, message, by);
    if (heard && isThere && notifier.hasButtons)
      await notifier.send({ ...message, silent: false, replyTo: told.messageRef }, by);
    await talk.saveTold([toldRow(notifier, matter, told)]);
  }

  /** Puts a matter into the shared message of now, with all that wait for the same. */
  async function collect(
    notifier: Notifier,
    matter: Matter,
    told: ToldRow | null,
    silent: boolean,
    by: Delivery,
  ): Promise<void> {
    const { channel } = notifier;
    const own = told !== null && told.resolvedAt === null && told.isDigest ? told.messageRef : null;
    const shared = own === null ? await sharedNow(channel) : own;
    const before = shared === null ? [] : await talk.toldIn(channel, shared);
    const more = shared === null ? await waiting(notifier, matter) : [];
    const matters = [
      ...(await Promise.all(before.map(async ({ key }) => (key === matter.key ? matter : talk.matter(key))))),
      ...(before.some(({ key }) => key === matter.key) ? [] : [matter]),
      ...more,
    ].filter((each) => each !== null);
    // A line of several has none: they would be of all and of none.
    const { buttons, tickets } =
      matters.length === 1 ? await buttonsFor(notifier, matter) : { buttons: [], tickets: [] };
    const message: NotifierMessage = {
      ...(await messageOf(matter)),
      ...digestText(matters),
      ...{ silent, change: shared === null ? 'opened' : 'changed', buttons },
      ...(matters.length > 1 ? { incident: `digest:${before[0]?.openedAt ?? clock()}`, project: null } : {}),
    };
    let messageRef = shared;
    let ended: ToldRow[] = [];
    if (messageRef === null || !(await edited(notifier, messageRef, message, by))) {
      const sent = await sendOnce(notifier, 'digest', message, by);
      messageRef = sent.ref;
      ended = [sent.ended];
      await store.setMeta(`digest:${channel}`, JSON.stringify({ messageRef, sentAt: clock() }));
    }
    const sentAt = before[0]?.sentAt ?? clock();
    const ref = messageRef;
    await talk.bind(tickets, ref);
    await talk.saveTold([
      ...matters.map((each) => toldRow(notifier, each, { messageRef: ref, sentAt, isDigest: true })),
      ...ended,
    ]);
  }

  /** The message that lines are added to; null when it is too old or too long, or there is none. */
  async function sharedNow(channel: string): Promise<string | null> {
    const noted = await store.meta(`digest:${channel}`);
    if (noted === null) return null;
    const { messageRef, sentAt } = JSON.parse(noted) as { messageRef: string; sentAt: number };
    if (clock() - sentAt >= WINDOW_MS) return null;
    return (await talk.toldIn(channel, messageRef)).length < MAX_LINES ? messageRef : null;
  }

  /** Others that would be lines of a message that begins now. */
  async function waiting(notifier: Notifier, matter: Matter): Promise<readonly Matter[]> {
    const found: Matter[] = [];
    for (const each of await talk.untold(notifier.channel, clock() - WINDOW_MS, MAX_LINES))
      if (each.key !== matter.key && (await stepOf(notifier, each, null)).kind === 'collect')
        found.push(each);
    return found;
  }

  async function messageOf(matter: Matter): Promise<NotifierMessage> {
    const { key, event, project, urgent, openedAt: at } = matter;
    const held = matter.state === 'open' ? await parts.held(matter) : null;
    return {
      ...matterText(matter, held),
      state: isNews(matter) ? 'info' : urgent ? 'failed' : 'needs_you',
      ...{ incident: key, event, project, urgent, at },
      ...{ change: 'changed', silent: isNews(matter) || event === 'limit', buttons: [], replyTo: null },
    };
  }

  async function buttonsFor(
    notifier: Notifier,
    matter: Matter,
  ): Promise<{ buttons: Button[][]; tickets: string[] }> {
    if (!notifier.hasButtons) return { buttons: [], tickets: [] };
    const tickets: Ticket[] = [];
    const about = aboutOf(matter);
    const rows = buttonsOf(matter).map((row) =>
      row.map(({ action, label }): Button => {
        const ticket = {
          ...newTicket(notifier.channel, action, clock() + BUTTON_MS),
          ...{ matter: matter.key, about: about?.id ?? '', commit: matter.commit },
        };
        tickets.push(ticket);
        return { label, data: buttonData(action, ticket.nonce) };
      }),
    );
    const page = about?.kind === 'task' ? parts.pageOf(`/tasks/${encodeURIComponent(about.id)}`) : null;
    if (page !== null) rows.push([{ label: 'Open', url: page }]);
    await talk.issue(tickets);
    return { buttons: rows, tickets: tickets.map(({ nonce }) => nonce) };
  }

  function toldRow(
    { channel }: Notifier,
    matter: Matter,
    of: Pick<ToldRow, 'messageRef' | 'sentAt' | 'isDigest'>,
  ): ToldRow {
    const { key, level, openedAt, resolvedAt } = matter;
    const { messageRef, sentAt, isDigest } = of;
    return {
      ...{ key, channel, level, openedAt, resolvedAt, messageRef, sentAt, isDigest },
      text: markOf(matter),
      updatedAt: clock(),
    };
  }

  return {
    note,
    show,
    /** The buttons of a message, made anew: those it had are void. */
    buttonsFor: async (notifier: Notifier, matter: Matter, messageRef: string): Promise<Button[][]> => {
      const { buttons, tickets } = await buttonsFor(notifier, matter);
      await talk.bind(tickets, messageRef);
      return buttons;
    },
  };
}

export type Desk = ReturnType<typeof createDesk>;

export function newTicket(channel: string, action: string, expiresAt: number): Ticket {
  return {
    nonce: randomBytes(8).toString('base64url').slice(0, 10),
    ...{ channel, action, matter: '', about: '', commit: null, messageRef: null, expiresAt, uses: 0 },
  };
}

/** When this changes, the message is to change. */
function markOf({ title, detail, counted }: Matter): string {
  return `${title}\n${detail}${counted === 0 ? '' : `\n${counted}`}`;
}

function laneOf(notifier: Notifier): string {
  return `notify:${kindOf(notifier)}`;
}

function showRow(notifier: Notifier, { key, title, lastRow }: Matter): NewOutboxRow {
  const name = `show:${kindOf(notifier)}:${key}:${lastRow}`;
  return {
    ...{ destination: laneOf(notifier), key: name, orderKey: name, availableAt: null },
    message: { kind: 'notify.show', incident: key, title },
  };
}

/** False: somebody deleted the message. */
async function edited(
  notifier: Notifier,
  ref: string,
  message: NotifierMessage,
  by: Delivery,
): Promise<boolean> {
  try {
    await notifier.edit(ref, message, by);
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'notifier.gone') return false;
    throw error;
  }
}
