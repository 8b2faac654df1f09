import { randomUUID } from 'node:crypto';
import { AppError } from '../../core/errors.ts';
import { notRun, type ProcessEnd } from '../../core/failure.ts';
import { runName } from '../../core/model.ts';
import { adopt, launch } from '../../launcher/launcher.ts';
import { setUp } from '../../launcher/project-commands.ts';
import { copyFiles } from '../../workspace/copied-files.ts';
import type { Commit } from '../../workspace/workspace.ts';
import type { StageContext, StageKind, StageResult } from '../stage.ts';
import { type BaseIn, bringBaseIn } from './base-in.ts';
import { accountOf, copied, keyOf } from './context-facts.ts';
import { finish } from './finish.ts';
import { criteriaOf } from './hand-in.ts';
import { bringPeopleIn } from './people.ts';
import { type PromptFacts, renderPrompt, resumeLine } from './prompt.ts';

const GRACE_MS = 5000;
const MAX_PROGRESS_BYTES = 48 * 1024;

/** A stage done by a coding-agent CLI in the task's own clone. */
export const agentStage: StageKind = {
  kind: 'agent',

  async start(context) {
    const account = accountOf(context);
    // Its budget was spent, or lowered, while it waited: settling asks a person.
    if (context.budgetUsd !== null && context.budgetUsd <= 0) return stopped();
    const worktree = await prepare(context);
    const people = await bringPeopleIn(context, worktree.head);
    if (people.kind === 'not_ours') return stopped();
    if (people.kind === 'trouble') return impossible(people.code, people.reason);
    const base = await bringBaseIn(context, people.roundHead);
    if (base === 'not_ours') return stopped();
    const trouble = await setUp(context, worktree);
    if (context.signal.aborted) return stopped();
    const mends = trouble?.left === true && context.stage.tools === 'write';
    if (trouble !== null && !mends) return impossible('workspace.setup_failed', trouble.text);
    const roundHead = base?.roundHead ?? people.roundHead;
    const session = await sessionOf(context);
    const instructions = await context.workspace.readInstructions(context.repository);
    const known = await promptFacts(context, people, base, session.isLost ? roundHead : null);
    const prompt =
      session.resume && !context.job.context.continues
        ? resumeLine(context, known)
        : renderPrompt(context, known);
    const invocation = account.agent.invocation({
      account: account.account,
      runId: runName(context.run.id),
      worktree: worktree.path,
      prompt,
      instructions: instructions.text,
      session: { id: session.id, resume: session.resume },
      tools: context.stage.tools,
      bypassPermissions: context.stage.permission === 'bypass' && account.unsafe,
      ...(context.stage.model === null ? {} : { model: context.stage.model }),
      ...(context.stage.fallbackModel === null ? {} : { fallbackModel: context.stage.fallbackModel }),
      ...(context.stage.effort === null ? {} : { effort: context.stage.effort }),
      ...(context.stage.maxTurns === null ? {} : { maxTurns: context.stage.maxTurns }),
      ...budgetOf(context, session.resume),
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
        session: { id: session.id, resume: session.resume },
        tools: context.stage.tools,
      },
    });
    context.watch(live);
    const facts = {
      pid: live.pid,
      cliKind: account.agent.kind,
      ...(account.cliVersion === null ? {} : { cliVersion: account.cliVersion }),
      ...(account.cliBin === null ? {} : { cliBin: account.cliBin }),
      ...(context.stage.model === null ? {} : { model: context.stage.model }),
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

/** The session that is to go on when it still can; else a new one, told everything anew. `isLost`: it should have gone on. */
async function sessionOf(context: StageContext): Promise<{ id: string; resume: boolean; isLost: boolean }> {
  const { agent, account } = accountOf(context);
  const { resume, sessionId, sessionAccount, continues } = context.job.context;
  const wanted = resume && sessionId !== null;
  const isHere = sessionAccount === null || sessionAccount === account.id;
  if (wanted && isHere && (await agent.canResume(account, sessionId)))
    return { id: sessionId, resume, isLost: false };
  return { id: randomUUID(), resume: false, isLost: wanted && !continues };
}

/** What is left for the task. A resumed session counts what it has cost before, so that is added. */
function budgetOf({ budgetUsd, job }: StageContext, resumes: boolean): { maxBudgetUsd?: number } {
  if (budgetUsd === null) return {};
  return { maxBudgetUsd: budgetUsd + (resumes ? job.context.sessionCostMicroUsd / 1e6 : 0) };
}

async function promptFacts(
  context: StageContext,
  people: { readonly commits: readonly Commit[]; readonly isForAgent: boolean },
  base: BaseIn | null,
  lostSince: string | null,
): Promise<PromptFacts> {
  const { workspace, repository } = context;
  const request = { key: keyOf(context), copied: copied(context), maxBytes: MAX_PROGRESS_BYTES };
  const patch =
    lostSince === null ? null : await workspace.patchOfClone(repository, { ...request, since: lostSince });
  return {
    criteria: await criteriaOf(context),
    people: people.commits.map(
      ({ sha, author, subject }) => `${sha.slice(0, 7)} ${author.name}: ${subject.slice(0, 200)}`,
    ),
    mergePeople: people.isForAgent,
    conflicts: base === null ? null : base.files,
    progress: patch === null ? '' : `${patch.text}${patch.cut ? '\n[cut by Orch: there is more]' : ''}`,
  };
}

/** Nobody but a person can mend this: no token is spent and no further attempt made. */
function impossible(code: string, reason: string): StageResult {
  return {
    ...stopped(),
    judgement: notRun('permanent', reason, code),
    end: { exitCode: null, signal: null, stoppedBy: null, vanished: false },
    finalCode: code,
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
