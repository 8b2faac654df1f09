import { spawn } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { type App, startApp } from '../app.ts';
import type { LoadedConfig } from '../config/load.ts';
import { problemLine } from '../config/problems.ts';
import { loadOptions, processConfig, processEnvironment, processHome } from '../config/process.ts';
import { watchConfig } from '../config/watch.ts';
import { AppError } from '../core/errors.ts';
import { createLogger } from '../lib/logger.ts';
import { stopOffline } from '../offline.ts';
import { scopeOf } from './actions.ts';
import { connect, readServerInfo } from './client.ts';
import { options, output, server } from './context.ts';
import { type DemoResult, prepareDemo, walkDemo } from './demo.ts';
import { findings } from './doctor.ts';
import { announce, lockHome, runningServer } from './home.ts';
import { EXIT, type Output } from './output.ts';
import { settingsOfDemo, settingsOfProcess } from './settings.ts';
import { VERSION } from './version.ts';

const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 20_000;
const POLL_MS = 100;
/** A changed file is seen within a second. */
const APPLY_LIMIT_MS = 5000;

interface UpOptions {
  detach?: boolean;
  demo?: boolean;
  untilDone?: boolean;
}

/** The service: `up`, `down`, `stop`. */
export function registerServerCommands(program: Command): void {
  program
    .command('up')
    .description('start the service; in the foreground, unless --detach')
    .option('--detach', 'go to the background once it answers')
    .option('--demo', 'with a demo project: a scripted agent, a scratch repository, no tokens')
    .option('--until-done', 'with --demo: end when the demo task is done')
    .action(async (_o, command: Command) => {
      const o = options<UpOptions>(command);
      const out = output(command);
      if (o.untilDone === true && o.demo !== true)
        throw new AppError('--until-done goes with --demo', {
          code: 'usage.until_done',
          hint: 'orch up --demo --until-done',
        });
      if (o.detach === true) return detach(out);
      await up(o, out);
    });

  program
    .command('down')
    .description('stop the service; live runs go on and are taken over by the next up')
    .option('--cancel', 'end live runs first; their jobs go back to the queue')
    .action(async (_o, command: Command) => {
      const o = options<{ cancel?: boolean }>(command);
      const out = output(command);
      const home = processHome();
      const info = await runningServer(home);
      if (info === null) {
        out.text('Orch is not running.');
        out.object({ schema: 'orch.down/1', stopped: false });
        return;
      }
      await (await connect(home)).post('/shutdown', { body: { cancel: o.cancel === true } });
      await until(
        async () => (await runningServer(home)) === null,
        STOP_LIMIT_MS,
        'the service does not end',
        'look at the service log',
      );
      out.text('Orch has stopped.');
      out.object({ schema: 'orch.down/1', stopped: true });
    });

  program
    .command('upkeep')
    .description('apply retention now: old worktrees, run folders, salvage; pack repositories')
    .action(async (_o, command: Command) => {
      await (await server()).post('/upkeep');
      output(command).text('upkeep has begun; the service log tells what goes');
      output(command).object({ schema: 'orch.upkeep/1', begun: true });
    });

  program
    .command('stop')
    .description('pause and end live runs; work and sessions are kept, jobs go back to the queue')
    .option('--project <key>')
    .option('--account <id>')
    .option('--now', 'kill at once')
    .action(async (_o, command: Command) => {
      const o = options<{ project?: string; account?: string; now?: boolean }>(command);
      const out = output(command);
      const scope = scopeOf(o);
      const running = await runningServer(processHome());
      const ended =
        running === null
          ? await stopOffline(
              processConfig().config,
              { ...scope, note: 'stopped', by: 'cli', since: Date.now(), until: null },
              o.now === true,
            )
          : (await (await server()).post('/stop', { body: { ...scope, now: o.now === true } })).ended;
      out.text(
        `stopped: ${ended} ${ended === 1 ? 'run' : 'runs'} ended, nothing new starts until orch resume`,
      );
      out.object({ schema: 'orch.stop/1', ended, ...scope });
    });
}

async function up(o: UpOptions & { yes: boolean }, out: Output): Promise<void> {
  const started = Date.now();
  const loaded = processConfig();
  for (const warning of loaded.warnings) out.progress(`warning: ${problemLine(warning)}`);
  const demo = o.demo === true ? await prepareDemo(loaded) : null;
  const { config } = demo?.loaded ?? loaded;
  const log = createLogger(
    config.logLevel,
    out.json || process.stderr.isTTY || demo !== null ? join(config.home, 'orch.log') : null,
  );
  const unlock = await lockHomeOf(config.home);
  const applied = createApplied();
  let app: App;
  const ending = Promise.withResolvers<boolean>();
  try {
    app = await startApp({
      config,
      log,
      version: VERSION,
      env: processEnvironment(),
      looks: {
        check: () => findings(),
        ...(demo === null ? settingsOfProcess(applied.next) : settingsOfDemo(demo.loaded)),
      },
      onShutdown: ending.resolve,
    });
  } catch (error) {
    await unlock();
    throw error;
  }
  await announce(
    config.home,
    {
      url: app.url,
      host: config.host,
      port: Number(new URL(app.url).port),
      pid: process.pid,
      startedAt: new Date(started).toISOString(),
      version: VERSION,
    },
    app.token,
  );
  const watcher = demo === null ? follow(loaded, app, out, applied.now) : null;
  // The first signal ends the service, a second one the process.
  process.removeAllListeners('SIGINT');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.resolve(false));
  out.progress(`Orch ${VERSION} is up at ${app.url} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  const address = config.publicUrl ?? app.url;
  out.text(`Open ${address}`);
  if (app.setupCode !== null)
    out.text(
      `Nobody can sign in yet. Make the first admin: ${address}/setup?code=${app.setupCode} (the code is ${app.setupCode})`,
    );
  if (o.untilDone !== true) out.object({ schema: 'orch.up/1', url: app.url, pid: process.pid });
  flushCompileCache(); // Node does it at a good end, and a service may never come to one
  let result: DemoResult | null = null;
  try {
    if (demo !== null) {
      const walked = walkDemo(await connect(config.home), demo.project, { yes: o.yes, out, started });
      const first = await Promise.race([walked, ending.promise.then(() => null)]);
      result = o.untilDone === true ? first : null;
      if (o.untilDone !== true && first !== null)
        out.progress('The service stays up: orch status, orch why, orch task show KEY; Ctrl-C ends it.');
    }
    if (o.untilDone !== true) {
      const cancel = await ending.promise;
      if (cancel) {
        await app.engine.stop();
        await app.engine.endRuns('all', '', false);
        await app.engine.idle();
      }
    }
  } finally {
    watcher?.close();
    await app.close();
    await unlock();
  }
  if (result !== null) out.object(result);
  if (o.untilDone === true && result?.task.status !== 'done') process.exitCode = EXIT.unsuccessful;
}

async function lockHomeOf(home: string): Promise<() => Promise<void>> {
  await mkdir(home, { recursive: true, mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    throw new AppError(`cannot use ORCH_HOME ${home}: ${error.message}`, {
      code: 'home.unusable',
      hint: 'set ORCH_HOME to a folder this user may write',
    });
  });
  return lockHome(home).catch((error: unknown) => {
    if (error instanceof AppError) throw error;
    throw new AppError(
      `cannot write in ORCH_HOME ${home}: ${error instanceof Error ? error.message : String(error)}`,
      { code: 'home.read_only', hint: 'set ORCH_HOME to a folder this user may write' },
    );
  });
}

/** A changed orch.yaml applies without a restart; a bad one keeps the last good one and says so. */
function follow(loaded: LoadedConfig, app: App, out: Output, applied: () => void) {
  return watchConfig({
    ...loadOptions(),
    current: loaded,
    onChange: (change) => {
      if (change.kind === 'rejected') {
        app.reject(change.error.message);
        out.progress(`orch.yaml was not applied, the last good one stays:\n${change.error.message}`);
        applied();
      } else
        app
          .reload(change.config)
          .then(
            () =>
              out.progress(
                `orch.yaml applied${change.warnings.length === 0 ? '' : `; ${change.warnings.map(problemLine).join('; ')}`}`,
              ),
            (error: unknown) => out.progress(`orch.yaml was not applied: ${String(error)}`),
          )
          .finally(applied);
    },
  });
}

/** Lets whoever changed the file wait until that was acted on. */
function createApplied() {
  let heard = Promise.withResolvers<void>();
  return {
    now(): void {
      heard.resolve();
      heard = Promise.withResolvers();
    },
    next: (): Promise<void> =>
      Promise.race([heard.promise, sleep(APPLY_LIMIT_MS, undefined, { ref: false })]),
  };
}

async function detach(out: Output): Promise<void> {
  const home = processConfig().config.home;
  const release = await lockHomeOf(home); // fails when one is running
  await release();
  const log = await open(join(home, 'server.log'), 'a', 0o600);
  const args = process.argv.slice(1).filter((arg) => arg !== '--detach' && arg !== '--json');
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    cwd: process.cwd(),
  });
  const gone = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
  child.unref();
  await log.close();
  const deadline = Date.now() + START_LIMIT_MS;
  for (;;) {
    const info = await readServerInfo(home);
    if (info !== null && info.pid === child.pid) {
      out.text(`Orch is up at ${info.url}, in the background (process ${info.pid})`);
      out.object({ schema: 'orch.up/1', url: info.url, pid: info.pid });
      return;
    }
    const code = await Promise.race([gone, sleep(POLL_MS).then(() => null)]);
    if (code !== null || Date.now() > deadline)
      throw new AppError(`the service did not start: see ${join(home, 'server.log')}`, {
        code: 'server.start_failed',
        hint: 'orch up shows the error in the foreground',
      });
  }
}

async function until(
  done: () => Promise<boolean>,
  limitMs: number,
  what: string,
  hint: string,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await done())) {
    if (Date.now() > deadline) throw new AppError(what, { code: 'server.timeout', hint });
    await sleep(POLL_MS);
  }
}
