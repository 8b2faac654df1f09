import type { Command } from 'commander';
import { output, server } from './context.ts';
import { table } from './output.ts';

/** `orch budgets`: what may be spent, what was, and where each limit comes from. */
export function registerBudgets(program: Command): void {
  program
    .command('budgets')
    .description('what each project may spend, what it did, and where the limits come from')
    .action(async (_o, command: Command) => {
      const budgets = await (await server()).get('/budgets');
      const out = output(command);
      out.object({ schema: 'orch.budgets/1', ...budgets });
      out.text(
        table(
          ['PROJECT', 'WHAT', 'SPENT', 'OF', 'AT THIS PACE', 'FROM'],
          budgets.projects.flatMap(({ project, perTask, perDay, tokensPerDay, unknownCosts, ...month }) => [
            [
              ...[project, 'today', known(perDay.spentUsd, unknownCosts.day), usd(perDay.usd)],
              ...[pace(perDay.projectedUsd, perDay.reachedAt), perDay.origin],
            ],
            ...(tokensPerDay.tokens === null
              ? []
              : [
                  [
                    ...['', 'tokens today', tokensPerDay.spent.toLocaleString('en')],
                    ...[tokensPerDay.tokens.toLocaleString('en'), reached(tokensPerDay.reachedAt) ?? ''],
                    tokensPerDay.origin,
                  ],
                ]),
            ['', 'each task', '', usd(perTask.usd), '', perTask.origin],
            [
              ...['', `in ${budgets.month}`, known(month.monthUsd, unknownCosts.month), 'no limit'],
              ...[pace(month.monthProjectedUsd, null), ''],
            ],
          ]),
        ),
      );
      out.text('  change one: orch config set projects.P.budget.usd_per_day 20; days and months are UTC');
    });
}

function usd(amount: number | null): string {
  return amount === null ? 'no limit' : `$${amount.toFixed(2)}`;
}

function pace(atEnd: number | null, reachedAt: string | null): string {
  return reached(reachedAt) ?? (atEnd === null ? '' : `≈ ${usd(atEnd)}`);
}

function reached(at: string | null): string | null {
  return at === null ? null : `≈ reached ${at.slice(11, 16)} UTC`;
}

function known(amount: number, unknown: number): string {
  return `${usd(amount)}${unknown === 0 ? '' : ` + ${unknown} unknown`}`;
}
