import { randomUUID } from 'node:crypto';
import { AppError } from '../../core/errors.ts';
import { notRun, type ProcessEnd } from '../../core/failure.ts';
import { runName } from '../../core/model.ts';
import { adopt, launch } from '../../launcher/launcher.ts';
import { setUp } from '../../launcher/project-commands.ts';
import { copyFiles } from '../../workspace/copied-files.ts';
import type { StageContext, StageKind, StageResult } from '../stage.ts';
import { accountOf, copied, keyOf } from './context-facts.ts';
import { finish } from './finish.ts';
import { renderPrompt, resumeLine } from './prompt.ts';

const GRACE_MS = 5000;

/** A stage done by a coding-agent CLI in the task's own clone. */
export const agentStage: StageKind = {
  kind: 'agent',

  async start(context) {
    const account = accountOf(context);
    const worktree = await prepare(context);
    const trouble = await setUp(context, worktree);
    if (context.signal.aborted) return stopped();
    const mends = trouble?.left === true && context.stage.tools === 'write';
    if (trouble !== null && !mends) return setupFailed(trouble.text);
    const roundHead = context.job.context.roundHead ?? worktree.head;
    const session = await sessionOf(context);
    const instructions = await context.workspace.readInstructions(context.repository);
    const prompt = session.resume ? resumeLine(context) : renderPrompt(context);
    const invocation = account.agent.invocation({
      account: account.account,
      runId: runName(context.run.id),
      worktree: worktree.path,
      prompt,
      instructions: instructions.text,
      session,
      tools: context.stage.tools,
      bypassPermissions: context.stage.permission === 'bypass' && account.unsafe,
      ...(context.stage.model === null ? {} : { model: context.stage.model }),
      ...(context.stage.fallbackModel === null ? {} : { fallbackModel: context.stage.fallbackModel }),
      ...(context.stage.effort === null ? {} : { effort: context.stage.effort }),
    });
    if (context.signal.aborted) return stopped();
    const live = await launch({
      runId: runName(context.run.id),
      directory: context.run.directory,
      argv: invocation.argv,
      cwd: worktree.path,
      env: {
        ...context.baseEnv,
        ...context.project.env,
        ...invocation.env,
        ...(await context.workspace.variables(worktree.path)),
      },
      stdin: invocation.stdin,
      timeoutMs: context.limits.timeoutMs,
      stallMs: context.limits.stallMs,
      graceMs: GRACE_MS,
      isolation: account.isolation,
      about: {
        instructions: instructions.files,
        instructionsCommit: instructions.commit,
        session,
        tools: context.stage.tools,
      },
    });
    context.watch(live);
    const facts = {
      pid: live.pid,
      cliKind: account.agent.kind,
      ...(account.cliVersion === null ? {} : { cliVersion: account.cliVersion }),
      sessionId: session.id,
      roundHead,
    };
    const ours = await context.note(facts).catch(async (error: unknown) => {
      await live.stop('outside', { now: true }); // or it would go on beside the next attempt
      throw error;
    });
    if (!ours) await live.stop('outside', { now: true });
    return finish(context, await live.ended, roundHead);
  },

  async adopt(context) {
    const found = await adopt(context.run.directory);
    const roundHead = context.job.context.roundHead;
    if (found.kind === 'gone') {
      const end: ProcessEnd = { exitCode: null, signal: null, stoppedBy: null, vanished: true };
      return {
        judgement: notRun('lost', 'the run was not there any more when Orch came back', 'orch.gone'),
        end,
        outcome: null,
        head: null,
        pr: null,
        finalCode: null,
        ran: false,
      };
    }
    if (found.kind === 'live') context.watch(found.run);
    const end = found.kind === 'live' ? await found.run.ended : found.exit;
    // The crash came between the start and the note of where the round began: it began at the branch.
    return finish(
      context,
      end,
      roundHead ?? (await context.workspace.branchHead(context.project.key, context.job.branch)),
    );
  },
};

/** The last attempt's session when it is to go on and still can; else a new one, told everything anew. */
async function sessionOf(context: StageContext): Promise<{ id: string; resume: boolean }> {
  const { agent, account } = accountOf(context);
  const { resume, sessionId } = context.job.context;
  if (resume && sessionId !== null && (await agent.canResume(account, sessionId)))
    return { id: sessionId, resume };
  return { id: randomUUID(), resume: false };
}

/** The workspace is a person's to mend: no token is spent and no further attempt made. */
function setupFailed(reason: string): StageResult {
  return {
    ...stopped(),
    judgement: notRun('permanent', reason, 'workspace.setup_failed'),
    end: { exitCode: null, signal: null, stoppedBy: null, vanished: false },
    finalCode: 'workspace.setup_failed',
  };
}

function stopped(): StageResult {
  return {
    judgement: notRun('cancelled', 'stopped before the agent was started', 'orch.stopped'),
    end: { exitCode: null, signal: null, stoppedBy: 'cancel', vanished: false },
    outcome: null,
    head: null,
    pr: null,
    finalCode: null,
    ran: false,
  };
}

/** The clone with the task's branch and its hand-in folder. */
async function prepare(context: StageContext): Promise<{ path: string; head: string; created: boolean }> {
  const { workspace, repository } = context;
  const request = { key: keyOf(context), branch: context.job.branch };
  const clone = await workspace.prepare(repository, request).catch(async (error: unknown) => {
    await rebuild(context, error);
    return workspace.prepare(repository, request);
  });
  await workspace.restoreWork(repository, keyOf(context));
  await copyFiles(context.project.copy, clone.path);
  return clone;
}

/** A clone an agent broke is salvaged and begun again where its round began; any other error goes on. */
async function rebuild(context: StageContext, error: unknown): Promise<void> {
  const { workspace, repository, project, job, run } = context;
  if (!(error instanceof AppError) || error.code !== 'workspace.clone_broken') throw error;
  const head = job.context.roundHead ?? (await workspace.branchHead(project.key, job.branch));
  if (head === null) throw error;
  await workspace.resetTo(repository, {
    key: keyOf(context),
    branch: job.branch,
    run: runName(run.id),
    head,
    copied: copied(context),
  });
}
