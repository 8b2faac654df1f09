import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { get, post } from '../api/client.ts';
import { copy } from '../copy.ts';
import { Field, Refusal } from '../frame/dialogs/parts.tsx';
import { useTheme } from '../lib/theme.ts';
import { Button } from '../ui/button.tsx';
import { Sheet } from '../ui/sheet.tsx';

/** Name and password; the session is a cookie that no script can read. */
export function SignInPage() {
  useTheme();
  const { to, invite } = useSearch({ from: '/sign-in' });
  const setup = useQuery({
    queryKey: ['setup'],
    queryFn: ({ signal }) => get<{ needed: boolean }>('/setup', {}, signal),
  }).data;
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const act = useMutation({
    mutationFn: () =>
      invite === undefined
        ? post('/session', { name, password })
        : post('/invite', { code: invite, name, password }),
    onSuccess() {
      client.clear();
      // A page within this one, never another place.
      window.location.assign(to?.startsWith('/') === true && !to.startsWith('//') ? to : '/');
    },
  });
  return (
    <Sheet
      title={invite === undefined ? copy.signIn.title : copy.signIn.invited}
      onSubmit={() => (act.isPending ? undefined : act.mutate())}
    >
      {setup?.needed === true ? (
        <p className="note">
          <span>
            {copy.signIn.noAdmin} <a href="/setup">{copy.signIn.toSetup}</a>
          </span>
        </p>
      ) : null}
      <Field label={copy.signIn.name}>
        {(id) => (
          <input
            id={id}
            className="input"
            autoComplete="username"
            autoCapitalize="none"
            required
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Field label={copy.signIn.password}>
        {(id) => (
          <input
            id={id}
            className="input"
            type="password"
            autoComplete={invite === undefined ? 'current-password' : 'new-password'}
            required
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        )}
      </Field>
      <Refusal error={act.error} />
      <Button type="submit" look="primary" disabled={act.isPending}>
        {act.isPending ? copy.state.requested : copy.signIn.do}
      </Button>
      <p className="text-xs text-ink-3">{copy.signIn.hint}</p>
    </Sheet>
  );
}
