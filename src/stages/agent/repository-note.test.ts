import { describe, expect, it } from 'vitest';
import { renderRepositoryNote, repositoryNoteProblem } from './repository-note.ts';

describe('the prompt text of a repository', () => {
  it('is a template over what Orch itself says', () => {
    const text = 'Write notes/{{ key }}.md. {% if stage == "review" %}Be strict.{% endif %}';
    expect(repositoryNoteProblem(text)).toBeNull();
    const variables = { role: 'r', project: 'p', run: 'run_1', branch: 'b', base: 'main', work: 'w' };
    expect(renderRepositoryNote(text, { ...variables, stage: 'review', key: 'API-1' })).toBe(
      'Write notes/API-1.md. Be strict.',
    );
  });

  it.each([
    ['the text of the work item, which would leave its fence', '{{ body }}', 'uses body'],
    [
      'an unknown variable that is seldom reached',
      '{% if key == "x" %}{{ secret }}{% endif %}',
      'uses secret',
    ],
    ['an unknown filter', '{{ key | shell }}', 'undefined filter'],
    ['a broken tag', '{% if key %}', 'not closed'],
    ['a file of the machine', "{% include '/etc/passwd' %}", 'ENOENT'],
    ['a file of the machine, rendered', "{% render '../cli-token' %}", 'ENOENT'],
    ['a layout', "{% layout 'package.json' %}", 'ENOENT'],
    ['a list too large', '{% for i in (1..100000000) %}x{% endfor %}', 'limit'],
    [
      'loops that take for ever',
      '{% for i in (1..900) %}{% for j in (1..900) %}{% for k in (1..900) %}{{ k }}{% endfor %}{% endfor %}{% endfor %}',
      'limit',
    ],
  ])('may not use %s', (_what, text, words) => {
    expect(repositoryNoteProblem(text)).toContain(words);
  });
});
