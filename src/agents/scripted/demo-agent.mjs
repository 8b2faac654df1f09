// The demo's agent: a real process that reads the real prompt and does real work in the clone, by
// rules instead of a model. Its first development attempt leaves a mistake that the project's own
// check finds; the next attempt reads what failed and mends it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const prompt = readFileSync(0, 'utf8');
const say = (type, fields) => process.stdout.write(`${JSON.stringify({ type, ...fields })}\n`);
const role = /^You are the (\w+) of/.exec(prompt)?.[1] ?? 'developer';
const run = /Run: (run_\d+)/.exec(prompt)?.[1] ?? '';
const language = /in (\p{Lu}\p{L}+)/u.exec(/## Work item .*/.exec(prompt)?.[0] ?? '')?.[1] ?? 'Spanish';
const failed = prompt.includes('## Last attempt');
const GREETINGS = {
  Spanish: 'Hola',
  French: 'Bonjour',
  German: 'Guten Tag',
  Italian: 'Buongiorno',
  Dutch: 'Hallo',
  Polish: 'Dzień dobry',
};
const file = `greetings/${language.toLowerCase()}.txt`;
const work = '.orch-work';
const git = (...args) => execFileSync('git', args, { stdio: ['ignore', 'ignore', 'inherit'] });

mkdirSync(work, { recursive: true });
say('start', { role, run });
const handIn = { schema: 'orch.verdict/1', run, outcome: 'done', summary: '', findings: [], acs: [] };

switch (role) {
  case 'analyst':
    writeFileSync(
      `${work}/analysis.md`,
      `# Greeting in ${language}\n\nThere is no ${file} yet. The check in check.sh reads every greeting.\n`,
    );
    writeFileSync(
      `${work}/trace.json`,
      JSON.stringify({
        acs: [{ id: 'AC-1', text: `${file} greets {name} in ${language}` }],
        trs: [],
        tcs: [],
      }),
    );
    handIn.summary = `One new file, ${file}`;
    break;
  case 'architect':
    writeFileSync(
      `${work}/architecture.md`,
      `# Design\n\nOne file, ${file}, in the shape that check.sh asks for. Nothing else changes.\n`,
    );
    trace((known) => {
      known.trs = [{ id: 'TR-1', text: `${file} is one line in the shape of english.txt`, acs: ['AC-1'] }];
    });
    handIn.summary = 'No new structure is needed';
    break;
  case 'reviewer':
    handIn.outcome = 'approve';
    handIn.summary = `${file} is right and complete`;
    writeFileSync(`${work}/review.md`, `Read ${file}: ${readFileSync(file, 'utf8')}`);
    break;
  case 'tester':
    trace((known) => {
      known.tcs = [
        { id: 'TC-1', acs: ['AC-1'], kind: 'command', command: `grep -q '{name}' ${file} && sh check.sh` },
      ];
    });
    handIn.acs = [{ id: 'AC-1', met: readFileSync(file, 'utf8').includes('{name}'), by: 'TC-1' }];
    handIn.summary = 'Every criterion is met';
    writeFileSync(`${work}/testing.md`, 'AC-1: met, by TC-1\n');
    break;
  default: {
    const greeting = GREETINGS[language] ?? 'Hello';
    mkdirSync('greetings', { recursive: true });
    writeFileSync(file, failed ? `${greeting}, {name}!\n` : `${greeting}!\n`);
    say('edit', { file });
    git('add', file);
    git('commit', '-q', '-m', failed ? `Greet by name in ${language}` : `Add a greeting in ${language}`);
    handIn.summary = failed ? 'The name was missing' : `Added ${file}`;
  }
}
writeFileSync(`${work}/verdict.json`, JSON.stringify(handIn));
say('result', { ok: true, summary: handIn.summary });

/** Adds to the trace that the stages before have written. */
function trace(add) {
  const known = JSON.parse(readFileSync(`${work}/trace.json`, 'utf8'));
  add(known);
  writeFileSync(`${work}/trace.json`, JSON.stringify(known));
}
