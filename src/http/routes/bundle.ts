import { arch, platform, release } from 'node:os';
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { jobName, runName } from '../../core/model.ts';
import { bundleName } from '../../engine/run-bundle.ts';
import { packTexts } from '../../lib/tar-gz.ts';
import { MAX_LIMIT } from '../contract.ts';
import { createLookUp } from '../look-up.ts';
import { createRoutes, route } from '../openapi.ts';
import type { HttpOptions } from '../server.ts';
import { iso, proofToWire, runToWire, taskToWire } from '../wire.ts';

/** A run to be passed on to whoever can tell what went wrong. */
export function bundleRoutes({ engine, version }: HttpOptions) {
  const { store } = engine;
  const lookUp = createLookUp(engine);
  const routes = createRoutes();

  routes.openapi(
    createRoute({
      ...route('get', '/runs/{id}/bundle', 'logs', 'A run as an archive, secrets taken out'),
      description:
        'A tar.gz: `bundle.json` (run, job, task, versions, who did what), what the run was started with, its prompt, verdict, and the ends of its logs. Keys, tokens, passwords, e-mail addresses and homes are taken out.',
      request: { params: z.object({ id: z.string() }) },
      responses: {
        200: { description: 'the archive', content: { 'application/gzip': { schema: z.string() } } },
      },
    }),
    async (c) => {
      const run = await lookUp.run(c.req.valid('param').id);
      const job = await store.job(run.jobId);
      const task = run.taskId === null ? null : await store.taskById(run.taskId);
      const about = [runName(run.id), jobName(run.jobId), ...(task === null ? [] : [task.key])];
      const [events, proof, gates] = await Promise.all([
        store.audits({ about, limit: MAX_LIMIT }),
        engine.runProof.of(run.id),
        engine.looks.gatesOf(run),
      ]);
      const now = new Date();
      const facts = {
        schema: 'orch.bundle/1',
        madeAt: now.toISOString(),
        versions: {
          ...{ orch: version, node: process.version, os: `${platform()} ${release()} ${arch()}` },
          cli: run.cliKind === null ? null : `${run.cliKind} ${run.cliVersion ?? 'unknown'}`,
        },
        run: { ...runToWire(run), rule: run.rule, probe: run.probe },
        job: job === null ? null : { ...(await lookUp.jobToWire(job)), context: job.context },
        task: task === null ? null : taskToWire(task),
        ...{ proof: proofToWire(proof), gates },
        events: events.items.map((entry) => ({ ...entry, at: iso(entry.at) })),
      };
      const name = bundleName(run);
      const files = await engine.bundle(run, job?.project ?? '', facts);
      return c.body(new Uint8Array(await packTexts(name, files, now)), 200, {
        'content-type': 'application/gzip',
        'content-disposition': `attachment; filename="${name}.tar.gz"`,
      }) as never;
    },
  );
  return routes;
}
