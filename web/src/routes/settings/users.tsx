import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import type { Role, UserWire } from '../../../../src/http/contract.ts';
import { post } from '../../api/client.ts';
import { ask } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { ActionButton, useWhyNot } from '../../ui/button.tsx';
import { Command } from '../../ui/copy-text.tsx';
import { AskDialog, Choices, OptionList, TextField } from '../../ui/fields.tsx';
import { Loaded } from '../../ui/states.tsx';
import { ACTIONS, Table } from '../../ui/table.tsx';
import { Ago } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { Chip } from '../../ui/tone.tsx';
import { PartHead } from './part-head.tsx';

export const ROLES: readonly Role[] = ['viewer', 'operator', 'admin'];

/** Who may sign in, and as what. */
export function Users() {
  const query = useQuery(ask(['users'], '/users'));
  const [isInviting, setInviting] = useState(false);
  return (
    <>
      <PartHead>
        <ActionButton isSmall action="user.invite" onClick={() => setInviting(true)}>
          <Plus aria-hidden="true" />
          {copy.settings.invite}
        </ActionButton>
      </PartHead>
      <Loaded query={query} what={copy.settings.parts.users}>
        {({ users }) => (
          <Table
            columns={[
              copy.settings.name,
              copy.settings.role,
              copy.settings.state,
              copy.settings.created,
              ACTIONS,
            ]}
          >
            {users.map((user) => (
              <UserRow key={user.name} user={user} />
            ))}
          </Table>
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
    mutationFn: (body: { role: Role } | { disabled: boolean }) =>
      'role' in body
        ? post('/users/{name}/role', { params: { name: user.name }, body })
        : post('/users/{name}/disable', { params: { name: user.name }, body }),
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
          onChange={(event) => change.mutate({ role: event.target.value as Role })}
        >
          <OptionList options={ROLES.map((role) => [role, copy.settings.roles[role]])} />
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
          onClick={() => change.mutate({ disabled: user.state !== 'disabled' })}
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
  const [role, setRole] = useState<Role>('operator');
  const invite = useMutation({
    mutationFn: () => post('/users', { body: { name: name.trim(), role } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['users'] }),
  });
  const made = invite.data;
  return (
    <AskDialog
      title={copy.settings.inviteTitle}
      action="user.invite"
      label={copy.settings.invite}
      act={invite}
      isMissing={name.trim() === ''}
      onAsk={() => invite.mutate()}
      onClose={onClose}
      result={
        made === undefined ? undefined : (
          <>
            <p className="text-sm">
              {copy.settings.invited(made.user.name)}. {copy.settings.inviteCode}
            </p>
            <Command>{made.url}</Command>
            <Command>{made.code}</Command>
          </>
        )
      }
    >
      <TextField
        label={copy.settings.name}
        maxLength={40}
        autoComplete="off"
        value={name}
        onChange={setName}
      />
      <Choices
        name="role"
        label={copy.settings.role}
        chosen={role}
        onChoose={setRole}
        choices={ROLES.map((value) => ({
          value,
          label: copy.settings.roles[value],
          hint: copy.settings.roleHint[value],
        }))}
      />
    </AskDialog>
  );
}
