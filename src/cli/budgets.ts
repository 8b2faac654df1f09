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
          ['PROJECT', 'WHAT', 'SPENT', 'OF', 'FROM'],
          budgets.projects.flatMap(({ project, perTask, perDay, tokensPerDay, monthUsd, unknownCosts }) => [
            [project, 'today', known(perDay.spentUsd, unknownCosts.day), usd(perDay.usd), perDay.origin],
            ...(tokensPerDay.tokens === null
              ? []
              : [
                  [
                    ...['', 'tokens today', tokensPerDay.spent.toLocaleString('en')],
                    ...[tokensPerDay.tokens.toLocaleString('en'), tokensPerDay.origin],
                  ],
                ]),
            ['', 'each task', '', usd(perTask.usd), perTask.origin],
            ['', `in ${budgets.month}`, known(monthUsd, unknownCosts.month), 'no limit', ''],
          ]),
        ),
      );
      out.text('  change one: orch config set projects.P.budget.usd_per_day 20; days and months are UTC');
    });
}

function usd(amount: number | null): string {
  return amount === null ? 'no limit' : `$${amount.toFixed(2)}`;
}

function known(amount: number, unknown: number): string {
  return `${usd(amount)}${unknown === 0 ? '' : ` + ${unknown} unknown`}`;
}
