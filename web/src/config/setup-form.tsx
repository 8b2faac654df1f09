import { useState } from 'react';
import { copy } from '../copy.ts';
import { TextField } from '../ui/fields.tsx';
import { type Edit, useChange } from './change.ts';
import { ChangeButtons, ChangeOutcome } from './config-form.tsx';

type Given = Readonly<Record<string, string>>;

/** What a step of the set-up asks for, and what of the configuration it makes. */
export interface StepForm {
  readonly fields: readonly {
    readonly name: string;
    readonly label: string;
    readonly hint?: string;
    readonly isSecret?: boolean;
    readonly isOptional?: boolean;
    readonly start?: string;
  }[];
  readonly edit: (given: Given) => Edit;
}

/** A step that is done here: tried as often as one likes, then written. Nothing is kept of what is typed. */
export function SetupForm({
  form,
  revision,
  onWritten,
}: {
  form: StepForm;
  revision: string | null;
  onWritten?: () => void;
}) {
  const [given, setGiven] = useState<Given>(() =>
    Object.fromEntries(form.fields.map(({ name, start = '' }) => [name, start])),
  );
  const change = useChange(revision);
  const isWhole = form.fields.every(
    ({ name, isOptional }) => isOptional === true || (given[name] ?? '').trim() !== '',
  );
  const trimmed = Object.fromEntries(Object.entries(given).map(([name, text]) => [name, text.trim()]));
  return (
    <div className="grid gap-3 border-l-2 border-line pl-3">
      {form.fields.map(({ name, label, hint, isSecret = false, isOptional = false }) => (
        <TextField
          key={name}
          label={isOptional ? `${label} (${copy.setup.optionalField})` : label}
          hint={hint}
          type={isSecret ? 'password' : 'text'}
          autoComplete="off"
          autoCapitalize="none"
          isMono
          value={given[name] ?? ''}
          onChange={(text) => setGiven((old) => ({ ...old, [name]: text }))}
        />
      ))}
      <div className="flex flex-wrap gap-2">
        <ChangeButtons
          change={change}
          edit={isWhole ? form.edit(trimmed) : null}
          {...(onWritten === undefined ? {} : { onWritten })}
        />
      </div>
      <ChangeOutcome change={change} />
    </div>
  );
}

const words = copy.setup.fields;

/** Settings that are text, by their names in orch.yaml; secrets by their variables. What is empty is left as it is. */
function settings(values: Given, secrets: Given): Edit {
  const isSet = ([, text]: [string, string]) => text !== '';
  return {
    values: Object.entries(values)
      .filter(isSet)
      .map(([key, text]) => ({ path: [key], text: JSON.stringify(text) })),
    secrets: Object.fromEntries(Object.entries(secrets).filter(isSet)),
  };
}

export const GITEA: StepForm = {
  fields: [
    { name: 'url', label: words.url, hint: words.giteaUrl },
    { name: 'token', label: words.token, hint: words.giteaToken, isSecret: true },
    { name: 'reviewer', label: words.reviewer, hint: words.reviewerHint, isSecret: true, isOptional: true },
  ],
  edit: ({ url = '', token = '', reviewer = '' }) =>
    settings({ gitea_url: url }, { ORCH_GITEA_TOKEN: token, ORCH_GITEA_REVIEWER_TOKEN: reviewer }),
};

export const GITHUB: StepForm = {
  fields: [
    { name: 'token', label: words.token, hint: words.githubToken, isSecret: true },
    { name: 'reviewer', label: words.reviewer, hint: words.reviewerHint, isSecret: true, isOptional: true },
    { name: 'url', label: words.url, hint: words.githubUrl, isOptional: true },
  ],
  edit: ({ url = '', token = '', reviewer = '' }) =>
    settings({ github_url: url }, { ORCH_GITHUB_TOKEN: token, ORCH_GITHUB_REVIEWER_TOKEN: reviewer }),
};

export const PLANE: StepForm = {
  fields: [
    { name: 'url', label: words.url, hint: words.planeUrl },
    { name: 'workspace', label: words.workspace, hint: words.workspaceHint },
    { name: 'token', label: words.token, hint: words.planeToken, isSecret: true },
  ],
  edit: ({ url = '', workspace = '', token = '' }) =>
    settings({ plane_url: url, plane_workspace: workspace }, { ORCH_PLANE_API_TOKEN: token }),
};

export const TELEGRAM: StepForm = {
  fields: [
    { name: 'token', label: words.token, hint: words.botToken, isSecret: true },
    { name: 'chat', label: words.chat, hint: words.chatHint },
  ],
  edit: ({ token = '', chat = '' }) =>
    settings({ telegram_chat_id: chat }, { ORCH_TELEGRAM_BOT_TOKEN: token }),
};

/** With the sign-in of the user that Orch runs as; another home is named at the machine. */
export const ACCOUNT: StepForm = {
  fields: [
    { name: 'id', label: words.account, hint: words.accountHint, start: 'claude-a' },
    { name: 'agent', label: words.agent, hint: words.agentHint, start: 'claude-code' },
    { name: 'slots', label: words.slots, start: '1' },
  ],
  edit({ id = '', agent, slots }) {
    const text = `{ agent: ${JSON.stringify(agent)}, home: "~", slots: ${slots} }`;
    return { values: [{ path: ['accounts', id], text, isNew: true }], secrets: {} };
  },
};

/** A project in the tracker and on the forge that were named, worked on by the accounts there are. */
export function projectForm(accounts: readonly string[]): StepForm {
  return {
    fields: [
      { name: 'key', label: words.key, hint: words.keyHint },
      { name: 'repo', label: words.repo, hint: words.repoHint },
      { name: 'base', label: words.base, start: 'main' },
      { name: 'tracker', label: words.tracker, hint: words.trackerHint, start: 'local' },
      { name: 'label', label: words.label, hint: words.labelHint, isOptional: true, start: 'agent' },
      { name: 'place', label: words.place, hint: words.placeHint, isOptional: true },
      { name: 'forge', label: words.forge, hint: words.forgeHint, start: 'local' },
      { name: 'accounts', label: words.accounts, start: accounts.join(', ') },
      { name: 'check', label: words.check, hint: words.checkHint, isOptional: true },
    ],
    edit({ key = '', repo, base, tracker, label = '', place = '', forge, accounts: named = '', check = '' }) {
      const matched = tracker === 'local' || label === '' ? {} : { label };
      const project = {
        ...{ repo, base },
        tracker: { kind: tracker, ...matched, ...(place === '' ? {} : { project: place }) },
        forge: { kind: forge },
        accounts: named.split(',').map((each) => each.trim()),
        ...(check === '' ? {} : { checks: [check] }),
      };
      return {
        values: [{ path: ['projects', key], text: JSON.stringify(project), isNew: true }],
        secrets: {},
      };
    },
  };
}
