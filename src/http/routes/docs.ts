import { Hono } from 'hono';
import { html } from 'hono/html';
import type { AppEnv } from '../server.ts';

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema?: { readonly description?: string; readonly enum?: readonly string[] };
    readonly description?: string;
  }[];
  readonly requestBody?: { readonly content?: Record<string, { readonly schema?: Schema }> };
  readonly 'x-orch-role'?: string;
}
interface Schema {
  readonly properties?: Record<string, { readonly description?: string; readonly default?: unknown }>;
  readonly required?: readonly string[];
}
interface Document {
  readonly paths?: Record<string, Record<string, Operation>>;
}

/** The contract for people to read, made from the document itself: no script, no style of others. */
export function docsRoutes(document: () => object, version: string) {
  const routes = new Hono<AppEnv>();
  routes.get('/api/docs', (c) => {
    const { paths = {} } = document() as Document;
    const all = Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({
        path,
        method: method.toUpperCase(),
        ...operation,
      })),
    );
    const groups = Map.groupBy(all, ({ tags }) => tags?.[0] ?? 'other');
    return c.html(html`<!doctype html>
<html lang="en"><head><meta charset="utf-8" /><meta name="viewport" content="width=device-width, initial-scale=1" /><title>API of Orch ${version}</title></head>
<body><h1>API of Orch ${version}</h1>
<p>The document itself: <a href="/api/v1/openapi.json">/api/v1/openapi.json</a> (OpenAPI 3.1). Send <code>Authorization: Bearer TOKEN</code>; refusals are <code>application/problem+json</code>.</p>
<ul>${[...groups.keys()].map((tag) => html`<li><a href="#${tag}">${tag}</a></li>`)}</ul>
${[...groups].map(
  ([tag, operations]) =>
    html`<h2 id="${tag}">${tag}</h2>${operations.map(
      (
        o,
      ) => html`<details><summary><code>${o.method} ${o.path}</code> ${o.summary ?? ''} (${o['x-orch-role'] ?? 'everybody'})</summary>
      ${o.description === undefined ? '' : html`<p>${o.description}</p>`}
      <ul>${(o.parameters ?? []).map((p) => html`<li><code>${p.name}</code> in ${p.in}${p.required === true ? ', required' : ''} ${p.description ?? p.schema?.enum?.join(', ') ?? ''}</li>`)}
      ${fieldsOf(o).map(([name, field, required]) => html`<li><code>${name}</code> in the body${required ? ', required' : ''} ${field.description ?? ''}</li>`)}</ul></details>`,
    )}`,
)}</body></html>`);
  });
  return routes;
}

function fieldsOf({ requestBody }: Operation) {
  const schema = requestBody?.content?.['application/json']?.schema;
  return Object.entries(schema?.properties ?? {}).map(
    ([name, field]) => [name, field, schema?.required?.includes(name) ?? false] as const,
  );
}
