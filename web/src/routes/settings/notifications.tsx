import { useMutation, useQuery } from '@tanstack/react-query';
import { post } from '../../api/client.ts';
import { configQuery, type Setting, useChange } from '../../config/change.ts';
import { ChangeOutcome } from '../../config/config-form.tsx';
import { copy } from '../../copy.ts';
import { Bar } from '../../ui/bar.tsx';
import { ActionButton, useWhyNot } from '../../ui/button.tsx';
import { Refusal } from '../../ui/fields.tsx';
import { Loaded } from '../../ui/states.tsx';
import { Table } from '../../ui/table.tsx';

const CHANNELS = ['telegram', 'webhook'] as const;
const WAYS = ['on', 'digest', 'off'] as const;
type Channel = (typeof CHANNELS)[number];

/** Which events are told by which channel: each cell is a setting of orch.yaml. */
export function Notifications() {
  const query = useQuery(configQuery());
  return (
    <>
      <Bar>
        <p className="min-w-0 flex-1 text-sm text-ink-3 max-md:col-span-2">{copy.notify.ways}</p>
        <SendTest />
      </Bar>
      <Loaded query={query} what={copy.settings.parts.notifications} rows={7}>
        {({ revision, settings }) => <Rules revision={revision} settings={settings} />}
      </Loaded>
    </>
  );
}

function Rules({ revision, settings }: { revision: string | null; settings: readonly Setting[] }) {
  const change = useChange(revision);
  const find = (channel: Channel, event: string) =>
    settings.find(({ key }) => key === `notify.${channel}.events.${event}`);
  const events = Object.entries(copy.notify.events);
  const channels = CHANNELS.filter(
    (channel) => channel === 'telegram' || events.some(([event]) => find(channel, event) !== undefined),
  );
  const hasChat = settings.some(({ key, value }) => key === 'telegram_chat_id' && value !== null);
  return (
    <>
      <Table
        columns={[
          copy.notify.event,
          ...channels.map((channel) => ({
            name: (
              <>
                {copy.notify.channel[channel]}
                {channel === 'telegram' && !hasChat ? (
                  <span className="block font-normal">{copy.notify.notSetUp}</span>
                ) : null}
              </>
            ),
          })),
        ]}
      >
        {events.map(([event, [name, preview]]) => (
          <tr key={event} data-row>
            <th scope="row" className="full !text-base !font-semibold !whitespace-normal !text-ink">
              {name}
              <span className="block text-sm font-normal text-ink-3">“{preview}”</span>
            </th>
            {channels.map((channel) => (
              <td key={channel} data-label={copy.notify.channel[channel]}>
                <Way
                  label={copy.notify.cell(name, copy.notify.channel[channel] ?? channel)}
                  setting={find(channel, event)}
                  canEdit={revision !== null && !change.isPending}
                  onChange={(text) =>
                    change.mutate({
                      edit: { values: [{ path: ['notify', channel, 'events', event], text }], secrets: {} },
                      test: false,
                    })
                  }
                />
              </td>
            ))}
          </tr>
        ))}
      </Table>
      <div className="grid gap-3 px-4 py-3 text-sm">
        <ChangeOutcome change={change} />
        {channels.includes('webhook') ? null : <p className="text-ink-3">{copy.notify.noWebhook}</p>}
      </div>
    </>
  );
}

/** Shows what the server says; what was chosen is shown once it is written. */
function Way({
  label,
  setting,
  canEdit,
  onChange,
}: {
  label: string;
  setting: Setting | undefined;
  canEdit: boolean;
  onChange: (way: string) => void;
}) {
  const whyNot = useWhyNot('config.write');
  const value = WAYS.find((way) => way === setting?.value);
  return (
    <select
      aria-label={label}
      className="input input-sm"
      title={whyNot ?? setting?.origin}
      disabled={!canEdit || whyNot !== undefined}
      value={value ?? ''}
      onChange={(event) => onChange(event.target.value)}
    >
      {value === undefined ? <option value="">{copy.settings.notSet}</option> : null}
      {WAYS.map((way) => (
        <option key={way} value={way}>
          {copy.notify.way[way]}
        </option>
      ))}
    </select>
  );
}

/** A message by every channel there is, and how each went. For admins, as the rules are. */
function SendTest() {
  const send = useMutation({ mutationFn: () => post('/notify/test') });
  const told = send.isPending ? undefined : send.data?.channels;
  return (
    <>
      <ActionButton action="notify.test" isSmall isPending={send.isPending} onClick={() => send.mutate()}>
        {copy.notify.test}
      </ActionButton>
      <div role="status" className="basis-full text-sm empty:hidden max-md:col-span-2">
        {told?.length === 0 ? copy.notify.noChannel : null}
        {told?.map(({ channel, ok, problem, fix }) => (
          <p key={channel} className={ok ? '' : 'text-attention-ink'}>
            {ok
              ? copy.notify.sent(nameOf(channel))
              : [`${nameOf(channel)}: ${problem}`, fix].filter(Boolean).join(' · ')}
          </p>
        ))}
      </div>
      <Refusal error={send.error} />
    </>
  );
}

/** `telegram:1` is the chat 1 of Telegram. */
function nameOf(channel: string): string {
  const [kind = channel] = channel.split(':');
  return copy.notify.channel[kind] ?? channel;
}
