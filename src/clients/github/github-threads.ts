import type { Place } from '../place.ts';
import { authorOf, createThreads, type Threads } from '../threads.ts';
import type { GithubClient } from './github-client.ts';

const COMMENTS = '/repos/{owner}/{repo}/issues/{issue_number}/comments';
/** GitHub takes 65,536 characters. */
const MAX_BODY = 64_000;

export function createGithubThreads(
  place: Pick<Place<GithubClient>, 'at' | 'client' | 'ownIds' | 'mayWrite'>,
): Threads {
  const { client } = place;
  const { owner, name: repo } = place.at;
  return createThreads({
    place,
    maxBody: MAX_BODY,
    async list(issue_number, since, signal) {
      const params = {
        ...{ owner, repo, issue_number },
        ...(since === null ? {} : { since: new Date(since).toISOString() }),
      };
      const found = await client.all(`GET ${COMMENTS}`, params, (comments) => comments, signal);
      return found.map((each) => ({
        ...{ id: Number(each.id), body: each.body ?? '', url: each.html_url },
        author: authorOf(each.user, each.author_association),
        ...{ createdAt: Date.parse(each.created_at), updatedAt: Date.parse(each.updated_at) },
      }));
    },
    async post(issue_number, body, signal) {
      return Number((await client.send(`POST ${COMMENTS}`, { owner, repo, issue_number, body }, signal)).id);
    },
    edit(comment_id, body, signal) {
      const route = 'PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}';
      return client.send(route, { owner, repo, comment_id, body }, signal);
    },
  });
}
