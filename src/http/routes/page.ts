import { createHash } from 'node:crypto';
import { Hono } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { html, raw } from 'hono/html';
import { explainToWire } from '../explain-wire.ts';
import type { AppEnv, HttpOptions } from '../server.ts';
import { taskToWire } from '../wire.ts';
import { destinationsToWire } from './outbox.ts';

const SHOWN = 50;
const COOKIE = 'orch_page';

const STYLE = `
:root{color-scheme:light dark;--bg:#F6F7F9;--card:#FFFFFF;--line:#DCE0E7;--text:#14181F;--muted:#5F6876;--need:#824400;--needbg:#FCEFDA;--wait:#0A5A62;--waitbg:#DFF2F3;--done:#18603A}
@media (prefers-color-scheme:dark){:root{--bg:#0D1015;--card:#151920;--line:#2A303B;--text:#E9ECF1;--muted:#8F98A6;--need:#FFC370;--needbg:#38260A;--wait:#79D5DC;--waitbg:#0D2E32;--done:#86DA9F}}
*{box-sizing:border-box}body{margin:0 auto;max-width:960px;padding:20px;background:var(--bg);color:var(--text);font:14px/20px system-ui,sans-serif}
h1{font-size:20px;line-height:28px;font-weight:600}h2{font-size:14px;margin:20px 0 8px}h2 span{color:var(--muted);font-weight:400}
section{border:1px solid var(--line);border-radius:10px;padding:4px 16px;margin:8px 0}section h2{margin:8px 0}section p{margin:4px 0}
section.needs_you{background:var(--needbg)}section.waiting{background:var(--waitbg)}
.needs_you{color:var(--need)}.waiting{color:var(--wait)}td.done{color:var(--done)}section p{color:var(--text)}
table{width:100%;border-collapse:collapse;background:var(--card);border:1px solid var(--line);border-radius:10px}
th,td{text-align:left;padding:8px 12px;border-top:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}th{color:var(--muted);font-size:12px;border-top:0}th,td.key{white-space:nowrap;overflow-wrap:normal}@media (max-width:600px){th,td{padding:8px}}
code,.mono{font-family:ui-monospace,monospace;font-size:13px}small,footer{color:var(--muted)}footer{margin-top:28px;font-size:12px}
`;
/** Lets the page's own style through a policy that lets no other inline style through. */
export const STYLE_HASH = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

/**
 * A plain read-only page: is work flowing, and if not, why. The printed URL carries a code once; a
 * cookie takes its place. All text is escaped by the template.
 */
export function pageRoutes(
  { engine, version, configProblem }: HttpOptions,
  isKnown: (code: string) => boolean,
) {
  const routes = new Hono<AppEnv>();
  routes.get('/', async (c) => {
    const code = c.req.query('code');
    if (code !== undefined && isKnown(code)) {
      setCookie(c, COOKIE, code, { httpOnly: true, sameSite: 'Lax', path: '/' });
      return c.redirect('/');
    }
    const cookie = getCookie(c, COOKIE);
    if (cookie === undefined || !isKnown(cookie))
      return c.html(
        frame(
          version,
          html`<h1>Not signed in</h1><p>Open the address that <code>orch up</code> printed, or run <code>orch status</code> in a terminal.</p>`,
        ),
        401,
      );
    const explain = explainToWire(await engine.explain({ project: null }));
    const tasks = (await engine.store.tasks({ limit: SHOWN })).items.map(taskToWire);
    const running = await engine.store.running();
    const outbox = destinationsToWire(await engine.letters.troubles(), Date.now()).filter(
      ({ dead }) => dead > 0,
    );
    return c.html(
      frame(
        version,
        html`<h1 class="${explain.verdict}">${explain.headline}</h1>
          ${configProblem() === null ? '' : html`<section class="needs_you"><h2>▲ orch.yaml is not in force</h2><p>${configProblem() ?? ''}</p><p>The last good one stays.</p></section>`}
          ${engine.pipelineProblems().map(({ problem }) => html`<section class="needs_you"><h2>▲ Additions of a repository are not in force</h2><p>${problem}</p></section>`)}
          ${outbox.map(({ name, dead, error }) => html`<section class="needs_you"><h2>▲ ${dead} ${dead === 1 ? 'message' : 'messages'} to ${name} given up</h2><p>${error}</p><p><code>orch outbox --destination ${name}</code></p></section>`)}
          ${explain.reasons.map(
            (
              r,
            ) => html`<section class="${r.state}"><h2>${r.state === 'needs_you' ? '▲' : '◷'} ${r.title}${r.jobsHeld === 0 ? '' : html` <span>${r.jobsHeld} ${r.jobsHeld === 1 ? 'job' : 'jobs'}</span>`}</h2>
              <p>${r.detail}</p><p>${r.clearsWhen}${r.actions[0]?.cli === undefined ? '' : html` <code>${r.actions[0].cli}</code>`}</p></section>`,
          )}
          <h2>Tasks</h2>
          ${
            tasks.length === 0
              ? html`<p>None yet. <code>orch submit --project P --title "..."</code></p>`
              : html`<table><thead><tr><th>Task</th><th>Title</th><th>Stage</th><th>State</th><th>Cost</th></tr></thead><tbody>
            ${tasks.map((t) => html`<tr><td class="mono key">${t.key}</td><td>${t.title}</td><td class="key">${t.stage}</td><td class="${t.status}">${t.status === 'needs_you' ? '▲ needs you' : t.status === 'done' ? '✓ done' : t.status}${t.reason === null ? '' : html`<br /><small>${t.reason.detail}</small>`}</td><td class="key">$${t.costUsd.toFixed(2)}${t.unknownCosts > 0 ? ' + unknown' : ''}</td></tr>`)}
          </tbody></table>`
          }
          <h2>Running</h2>
          ${running.length === 0 ? html`<p>No run is live.</p>` : html`<ul>${running.map(({ run, job }) => html`<li><span class="mono">run_${run.id}</span> ${job.project} ${job.stage ?? job.agent} on ${run.account ?? 'this machine'}, attempt ${run.attempt}</li>`)}</ul>`}`,
      ),
    );
  });
  return routes;
}

function frame(version: string, content: unknown) {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8" /><meta name="viewport" content="width=device-width, initial-scale=1" /><meta http-equiv="refresh" content="3" /><title>Orch</title>
<style>${raw(STYLE)}</style></head><body>${content}<footer>Orch ${version}</footer></body></html>`;
}
