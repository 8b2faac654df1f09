import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useEnd } from '../../api/actions.ts';
import { post } from '../../api/client.ts';
import { ask } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { Button } from '../../ui/button.tsx';
import { Command } from '../../ui/copy-text.tsx';
import { Refusal, TextField } from '../../ui/fields.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { Ago } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';

/** Where this person is signed in, and the password. */
export function Sessions() {
  const query = useQuery(ask(['sessions'], '/sessions'));
  const end = useEnd('sessions');
  return (
    <>
      <Loaded query={query} what={copy.settings.parts.sessions}>
        {({ sessions }) =>
          sessions.length === 0 ? (
            <Empty>{copy.queue.noMatch}</Empty>
          ) : (
            <ul className="inbox border-b border-line">
              {sessions.map((session) => (
                <li key={session.id} data-row>
                  <div className="min-w-0 flex-1">
                    <p className="text-sm wrap-anywhere">{session.agent}</p>
                    <p className="text-xs text-ink-3">
                      <span className="mono">{session.address}</span> · {copy.settings.used}{' '}
                      <Ago at={session.seenAt} />
                      {session.isThis ? ` · ${copy.settings.thisSession}` : ''}
                    </p>
                  </div>
                  {session.isThis ? null : (
                    <Button
                      isSmall
                      look="danger"
                      disabled={end.isPending}
                      onClick={() => end.mutate(session.id)}
                    >
                      {copy.settings.end}
                    </Button>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      <Chat />
      <Password />
    </>
  );
}

/** A code that links a chat to whoever is signed in. */
function Chat() {
  const link = useMutation({
    mutationFn: () => post('/link'),
    onError: (error) => toast({ text: error.message, error }),
  });
  return (
    <section className="border-b border-line p-4">
      <div className="grid max-w-md gap-2">
        <h2>{copy.settings.chat}</h2>
        <p className="text-sm text-ink-2">
          {link.data === undefined ? copy.settings.chatWhat : copy.settings.chatSend}
        </p>
        {link.data === undefined ? (
          <Button className="justify-self-start" disabled={link.isPending} onClick={() => link.mutate()}>
            {copy.settings.chatLink}
          </Button>
        ) : (
          <Command>{`/link ${link.data.code}`}</Command>
        )}
      </div>
    </section>
  );
}

function Password() {
  const [before, setBefore] = useState('');
  const [after, setAfter] = useState('');
  const change = useMutation({
    mutationFn: () => post('/password', { body: { before, password: after } }),
    onSuccess() {
      setBefore('');
      setAfter('');
      toast({ text: copy.settings.passwordDone });
    },
  });
  return (
    <form
      className="grid max-w-md gap-3 p-4"
      onSubmit={(event) => {
        event.preventDefault();
        change.mutate();
      }}
    >
      <h2>{copy.settings.password}</h2>
      <TextField
        label={copy.settings.passwordBefore}
        type="password"
        autoComplete="current-password"
        required
        value={before}
        onChange={setBefore}
      />
      <TextField
        label={copy.settings.passwordAfter}
        hint={copy.setup.passwordHint}
        type="password"
        autoComplete="new-password"
        required
        value={after}
        onChange={setAfter}
      />
      <Refusal error={change.error} />
      <Button type="submit" className="justify-self-start" disabled={change.isPending}>
        {change.isPending ? copy.state.requested : copy.settings.password}
      </Button>
    </form>
  );
}
