import { valueAt } from '../places.ts';
import { signedBy } from '../signature.ts';
import type { Webhook, WebhookPlace } from '../webhook.ts';

// Two formats: v1 (`issue`, `updated`, an actor beside the data) of Community, v2 (`workitem.updated`, flat ids)
// of the public documentation, whose own examples write nulls as "None" and an enum's name as the event.

type Body = ReturnType<typeof fieldsOf>;

export const planeWebhook: Webhook = {
  kind: 'plane',
  ...signedBy({ 'x-plane-signature': 'hex' }),
  read(headers, raw) {
    const body = fieldsOf(raw);
    const isV2 = body.version === 'v2' || body.event.includes('.');
    const { event, action, data } = body;
    const item = isV2 ? itemOfV2(body) : itemOfV1(body);
    return {
      what: isV2 ? event : [event, action].filter((each) => each !== '').join(' '),
      // v2 names the event itself, and so the same on every repeat; v1 only the delivery.
      delivery: (isV2 ? (body.event_id ?? body.delivery_id) : null) ?? headers('x-plane-delivery'),
      actor: isV2
        ? (data.comment.actor_id ?? data.updated_by_id ?? data.created_by_id)
        : body.activity.actor.id,
      places: item === null ? [] : placesOf(item, body),
    };
  },
};

/** An item that came into a cycle or module, and a project itself, are no work to look at. */
function itemOfV1({ event, data }: Body): string | null {
  if (event === 'issue') return data.id;
  return event === 'issue_comment' ? data.issue : null;
}

function itemOfV2({ event, entity_type, entity_id, data, previous_attributes }: Body): string | null {
  // "workitem.updated", "WebhookScope.ScopeChoices.WORK_ITEM_UPDATED"
  if (!/work_?item|issue/i.test(event) && entity_type !== 'issue') return null;
  return (
    data.comment.issue_id ??
    (data.comment.id === null ? null : data.id) ??
    entity_id ??
    data.id ??
    previous_attributes.id
  );
}

/** Without the project, the workspace says in which projects to look. */
function placesOf(item: string, { data, previous_attributes, workspace_id }: Body): WebhookPlace[] {
  const at = data.project ?? data.project_id ?? previous_attributes.project_id ?? workspace_id;
  return at === null ? [] : [{ kind: 'item', at, id: item }];
}

function fieldsOf(raw: unknown) {
  const data = valueAt(raw, 'data');
  const comment = valueAt(data, 'comment');
  const before = valueAt(raw, 'previous_attributes');
  return {
    ...{ version: word(raw, 'version'), event: word(raw, 'event'), action: word(raw, 'action') },
    ...{
      event_id: id(raw, 'event_id'),
      delivery_id: id(raw, 'delivery_id'),
      entity_id: id(raw, 'entity_id'),
    },
    ...{ entity_type: word(raw, 'entity_type'), workspace_id: id(raw, 'workspace_id') },
    data: {
      ...{ id: id(data, 'id'), project: id(data, 'project'), project_id: id(data, 'project_id') },
      ...{ issue: id(data, 'issue'), updated_by_id: id(data, 'updated_by_id') },
      created_by_id: id(data, 'created_by_id'),
      comment: {
        ...{ id: id(comment, 'id'), actor_id: id(comment, 'actor_id'), issue_id: id(comment, 'issue_id') },
      },
    },
    previous_attributes: { id: id(before, 'id'), project_id: id(before, 'project_id') },
    activity: { actor: { id: id(valueAt(raw, 'activity', 'actor'), 'id') } },
  };
}

function word(of: unknown, name: string): string {
  const value = valueAt(of, name);
  return typeof value === 'string' ? value.slice(0, 100) : '';
}

/** Whatever else stands in the place of an id is none. */
function id(of: unknown, name: string): string | null {
  const value = valueAt(of, name);
  return typeof value === 'string' && value !== '' && value !== 'None' && value.length <= 100 ? value : null;
}
