import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import type { InviteWire, UserWire } from '../../../../src/http/contract.ts';
import { post } from '../../api/client.ts';
import { ask } from '../../api/queries.ts';
import type { Role } from '../../api/session.ts';
import { copy } from '../../copy.ts';
import { Choice, Field, Refusal } from '../../frame/dialogs/parts.tsx';
import { ActionButton, Button, useWhyNot } from '../../ui/button.tsx';
import { Command } from '../../ui/copy-text.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Loaded } from '../../ui/states.tsx';
import { Ago } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { Chip } from '../../ui/tone.tsx';

export const ROLES: readonly Role[] = ['viewer', 'operator', 'admin'];

/** Who may sign in, and as what. */
export function Users() {
  const query = useQuery(ask<{ users: UserWire[] }>(['users'], '/users'));
  const [isInviting, setInviting] = useState(false);
  return (
    <>
      <div className="flex flex-wrap justify-end gap-2 border-b border-line px-4 py-2.5">
        <ActionButton isSmall action="user.invite" onClick={() => setInviting(true)}>
          <Plus aria-hidden="true" />
          {copy.settings.invite}
        </ActionButton>
      </div>
      <Loaded query={query} what={copy.settings.parts.users}>
        {({ users }) => (
          <table className="table table-rows">
            <thead>
              <tr>
                <th scope="col">{copy.settings.name}</th>
                <th scope="col">{copy.settings.role}</th>
                <th scope="col">{copy.settings.state}</th>
                <th scope="col">{copy.settings.created}</th>
                <th scope="col">
                  <span className="sr-only">{copy.columns.actions}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {users.map((user) => (
                <UserRow key={user.name} user={user} />
              ))}
            </tbody>
          </table>
        )}
      </Loaded>
      {isInviting ? <Invite onClose={() => setInviting(false)} /> : null}
    </>
  );
}

function UserRow({ user }: { user: UserWire }) {
  const client = useQueryClient();
  const noRole = useWhyNot('user.role');
  const change = useMutation({
    mutationFn: ({ path, body }: { path: string; body: object }) =>
      post(`/users/${encodeURIComponent(user.name)}/${path}`, body),
    onError: (error) => toast({ text: error.message, error }),
    onSettled: () => client.invalidateQueries(),
  });
  return (
    <tr data-row>
      <td className="full font-medium wrap-anywhere">{user.name}</td>
      <td>
        <select
          className="input input-sm"
          aria-label={`${copy.settings.role}: ${user.name}`}
          value={user.role}
          disabled={noRole !== undefined || change.isPending}
          title={noRole}
          onChange={(event) => change.mutate({ path: 'role', body: { role: event.target.value } })}
        >
          {ROLES.map((role) => (
            <option key={role} value={role}>
              {copy.settings.roles[role]}
            </option>
          ))}
        </select>
      </td>
      <td>
        <Chip state={user.state === 'active' ? 'done' : user.state === 'invited' ? 'waiting' : 'cancelled'}>
          {copy.settings.userState[user.state]}
        </Chip>
      </td>
      <td className="text-sm text-ink-2">
        <Ago at={user.createdAt} />
      </td>
      <td className="n">
        <ActionButton
          isSmall
          action="user.disable"
          isPending={change.isPending}
          onClick={() => change.mutate({ path: 'disable', body: { disabled: user.state !== 'disabled' } })}
        >
          {user.state === 'disabled' ? copy.settings.enable : copy.settings.disable}
        </ActionButton>
      </td>
    </tr>
  );
}

function Invite({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [role, setRole] = useState<string>('operator');
  const invite = useMutation({
    mutationFn: () => post<InviteWire>('/users', { name: name.trim(), role }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['users'] }),
  });
  const made = invite.data;
  const isMissing = name.trim() === '';
  return (
    <Dialog
      title={copy.settings.inviteTitle}
      onClose={onClose}
      onSubmit={() => (made === undefined && !isMissing && !invite.isPending ? invite.mutate() : undefined)}
      foot={
        made === undefined ? (
          <>
            <Button onClick={onClose}>{copy.dialog.back}</Button>
            <ActionButton
              type="submit"
              action="user.invite"
              look="primary"
              isPending={invite.isPending}
              whyNot={isMissing ? copy.dialog.missing : undefined}
            >
              {copy.settings.invite}
            </ActionButton>
          </>
        ) : (
          <Button look="primary" onClick={onClose}>
            {copy.dialog.close}
          </Button>
        )
      }
    >
      {made === undefined ? (
        <>
          <Field label={copy.settings.name}>
            {(id) => (
              <input
                id={id}
                className="input"
                maxLength={40}
                autoComplete="off"
                value={name}
                onChange={(event) => setName(event.target.value)}
              />
            )}
          </Field>
          <fieldset className="grid gap-2">
            <legend className="mb-1 text-sm font-medium">{copy.settings.role}</legend>
            {ROLES.map((each) => (
              <Choice
                key={each}
                name="role"
                value={each}
                chosen={role}
                onChoose={setRole}
                label={copy.settings.roles[each]}
                hint={copy.settings.roleHint[each]}
              />
            ))}
          </fieldset>
          <Refusal error={invite.error} />
        </>
      ) : (
        <>
          <p className="text-sm">
            {copy.settings.invited(made.user.name)}. {copy.settings.inviteCode}
          </p>
          <Command>{made.url}</Command>
          <Command>{made.code}</Command>
        </>
      )}
    </Dialog>
  );
}
