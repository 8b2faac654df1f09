import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import type { JobAt } from '../../core/ledger.ts';
import { type Job, jobName, runName } from '../../core/model.ts';
import {
  atQuery,
  explainQuery,
  explainSchema,
  statusQuery,
  statusSchema,
  versionSchema,
  type WhyAtWire,
  whyAtSchema,
} from '../contract.ts';
import { explainedToWire, explainToWire } from '../explain-wire.ts';
import { createLookUp } from '../look-up.ts';
import { answer, createRoutes, route } from '../openapi.ts';
import type { RouteOptions } from '../server.ts';
import { holdToWire, iso, isoOrNull, proofToWire, runToWire, warningToWire } from '../wire.ts';
import { destinationsToWire } from './outbox.ts';

/** Why something runs or does not, now or before. */
export function explainRoutes({ engine, version, web, configProblem, heard }: RouteOptions) {
  const { store } = engine;
  const lookUp = createLookUp(engine);
  const routes = createRoutes();

  routes.openapi(
    createRoute({
      ...route('get', '/version', 'system', 'Version of this server'),
      responses: answer(versionSchema, 'the version'),
    }),
    (c) => c.json({ version, page: web.build }, 200),
  );

  routes.openapi(
    createRoute({
      ...route('get', '/explain', 'why', 'Why nothing runs, or what does'),
      request: { query: explainQuery },
      responses: answer(explainSchema, 'of everything, a project, a task or a job; now or at an instant'),
    }),
    async (c) => {
      const { project, job, task, at } = c.req.valid('query');
      const named = task ?? job;
      const of = named === undefined ? { project: project ?? null } : (await lookUp.target(named)).id;
      const explained =
        at === undefined
          ? explainToWire({ ...(await engine.explain(of)), room: await engine.room() })
          : explainedToWire(await engine.explainAt(at, of), at, Date.now());
      return c.json(explained, 200);
    },
  );

  routes.openapi(
    createRoute({
      ...route('get', '/why/{key}', 'why', 'What a job did at an instant, and why'),
      request: { params: z.object({ key: z.string() }), query: atQuery },
      responses: answer(whyAtSchema, 'the job as it was'),
    }),
    async (c) => {
      const at = c.req.valid('query').at ?? Date.now();
      const target = await lookUp.target(c.req.valid('param').key);
      const { job, was } = await engine.at(target.id, at);
      const wire: WhyAtWire = {
        schema: 'orch.why/1',
        at: iso(at),
        task: target.key,
        job: job === null || was.kind === 'absent' ? null : jobThen(job, was),
      };
      return c.json(wire, 200);
    },
  );

  routes.openapi(
    createRoute({
      ...route('get', '/status', 'why', 'Counts, live runs, and what is wrong'),
      request: { query: statusQuery },
      responses: answer(statusSchema, 'of everything, or of a project'),
    }),
    async (c) => {
      const { project } = c.req.valid('query');
      const { explanation, counts, state, now } = await engine.explain({ project: project ?? null });
      const running = (await store.running()).filter(
        ({ job }) => project === undefined || job.project === project,
      );
      const troubles = (await engine.letters.troubles()).filter(
        ({ name }) => project === undefined || name.startsWith('notify') || name.endsWith(`:${project}`),
      );
      const status = {
        verdict: explanation.verdict,
        headline: explanation.headline,
        configProblem: configProblem(),
        pipelineProblems: engine.pipelineProblems(),
        warnings: engine.warnings().map(warningToWire),
        chats: engine.chatProblems(),
        webhooks: [...heard()],
        schedulerTickAgeMs: state === null ? null : now - state.tickAt,
        jobs: counts.jobs,
        tasks: counts.tasks,
        outbox: destinationsToWire(troubles, now),
        running: await Promise.all(
          running.map(async ({ run, job }) => ({
            run: runToWire(run),
            job: await lookUp.jobToWire(job),
            lastOutputAt: isoOrNull(await engine.lastOutputAt(run)),
            proof: proofToWire(await engine.runProof.of(run.id)),
          })),
        ),
      };
      return c.json(status, 200);
    },
  );
  return routes;
}

function jobThen(job: Job, was: Exclude<JobAt, { kind: 'absent' }>): NonNullable<WhyAtWire['job']> {
  return {
    id: jobName(job.id),
    status: was.kind === 'ended' ? was.status : was.kind,
    run: was.kind === 'running' ? runName(was.run.id) : null,
    hold: was.kind === 'queued' ? holdToWire(was.reason) : null,
  };
}
