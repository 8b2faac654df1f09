import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { requirement } from './requirements.ts';

interface Operation {
  post?: { requestBody?: { content: Record<string, { schema: object }> } };
}

/**
 * What is wrong with a call to the Bot API, by its contract in the shared folder; null when nothing is. Without
 * the folder nothing is found wrong: the suites that need it say so (`contractRequirement`).
 */
export function telegramContract(): (method: string, body: object) => string | null {
  const { value } = requirement('shared');
  const path = join(value, 'contracts', 'telegram.openapi.json');
  if (value === '' || !existsSync(path)) return () => null;
  const document = JSON.parse(readFileSync(path, 'utf8')) as { paths: Record<string, Operation> };
  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema({ ...document, $id: 'telegram' });
  const checks = new Map(
    Object.entries(document.paths).flatMap(([name, { post }]) => {
      const schema = post?.requestBody?.content['application/json']?.schema;
      if (schema === undefined) return [];
      const local = JSON.stringify(schema).replaceAll('"#/', '"telegram#/');
      return [[name.split('/').at(-1) ?? '', ajv.compile(JSON.parse(local) as object)] as const];
    }),
  );
  return (method, body) => {
    const check = checks.get(method);
    const { reply_markup: markup, ...rest } = body as { reply_markup?: { force_reply?: boolean } };
    // The contract has the keyboards of ours alone; an open answer field is in the public reference.
    const checked = markup?.force_reply === true ? rest : body;
    return check === undefined || check(checked) ? null : ajv.errorsText(check.errors);
  };
}
