import type { Command } from 'commander';
import { AppError } from '../core/errors.ts';

/** Shell completion: prints a script for bash, zsh or fish that knows every command and option. */
export function registerCompletion(program: Command): void {
  program
    .command('completion')
    .description('completion script for bash, zsh or fish')
    .argument('<shell>', 'bash, zsh, fish')
    .action((shell: string) => {
      const words = program.commands.map((command) => ({
        name: command.name(),
        about: command.description(),
        flags: command.options.flatMap((option) =>
          option.long === undefined || option.long === null ? [] : [option.long],
        ),
      }));
      process.stdout.write(scriptFor(shell, words));
    });
}

interface Word {
  readonly name: string;
  readonly about: string;
  readonly flags: readonly string[];
}

function scriptFor(shell: string, words: readonly Word[]): string {
  const names = words.map((word) => word.name).join(' ');
  switch (shell) {
    case 'bash':
      return `_orch() {\n  local cur="\${COMP_WORDS[COMP_CWORD]}"\n  if [ "$COMP_CWORD" -eq 1 ]; then COMPREPLY=($(compgen -W "${names}" -- "$cur")); return; fi\n  case "\${COMP_WORDS[1]}" in\n${words.map((word) => `    ${word.name}) COMPREPLY=($(compgen -W "${word.flags.join(' ')}" -- "$cur"));;`).join('\n')}\n  esac\n}\ncomplete -F _orch orch\n`;
    case 'zsh':
      return `#compdef orch\n_orch() {\n  if (( CURRENT == 2 )); then\n    local -a commands=(${words.map((word) => `'${word.name}:${quoted(word.about)}'`).join(' ')})\n    _describe 'command' commands\n    return\n  fi\n  case "$words[2]" in\n${words.map((word) => `    ${word.name}) compadd -- ${word.flags.join(' ')};;`).join('\n')}\n  esac\n}\ncompdef _orch orch\n`;
    case 'fish':
      return words
        .map((word) =>
          [
            `complete -c orch -f -n __fish_use_subcommand -a ${word.name} -d '${quoted(word.about)}'`,
            ...word.flags.map(
              (flag) => `complete -c orch -n '__fish_seen_subcommand_from ${word.name}' -l ${flag.slice(2)}`,
            ),
          ].join('\n'),
        )
        .join('\n')
        .concat('\n');
    default:
      throw new AppError(`there is no completion for ${shell}`, {
        code: 'usage.shell',
        hint: 'bash, zsh or fish',
      });
  }
}

function quoted(text: string): string {
  return text.replaceAll("'", '').replaceAll(':', '');
}
