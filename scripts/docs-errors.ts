/** Writes docs/errors.md from the catalogue; with `--check` only says whether it is as it should be. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ERRORS, type ErrorEntry } from '@postrider/contract/errors';

export const ERRORS_PAGE = join(import.meta.dirname, '../docs/errors.md');

const HEAD = `# Errors

Every refusal by HTTP is \`application/problem+json\` (RFC 9457). \`code\` is one of the codes below and never changes its
meaning; \`detail\` says what was wrong this time; \`errors\` names each field by its JSON Pointer (RFC 6901), or \`?name\` for
a query parameter. By SMTP the same failures are replies with enhanced status codes (RFC 3463).

\`\`\`json
{
  "type": "/docs/errors#validation_failed",
  "title": "The request does not fit the schema",
  "status": 422,
  "code": "validation_failed",
  "detail": "/to/0: the address has no @ between local part and domain",
  "errors": [{ "path": "/to/0", "message": "the address has no @ between local part and domain" }],
  "instance": "req_…"
}
\`\`\`

When several things are wrong, the first of these answers: 401, 403, 404, 415, 413, 400, 422. Answers with 429 and 503
have \`Retry-After\`. Nothing of a refused request is kept.

This page is made from \`packages/contract/src/errors.ts\` by \`npm run docs\`.
`;

/** The page as the catalogue wants it. */
export function errorsPage(): string {
  const entries = Object.entries(ERRORS as Record<string, ErrorEntry>);
  entries.sort(([a, left], [b, right]) => left.status - right.status || a.localeCompare(b));
  const sections = entries.map(
    ([code, { status, title, remedy }]) => `## ${code}\n\n**${status}** · ${title}.\n\n${remedy}\n`,
  );
  return `${HEAD}\n${sections.join('\n')}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const upToDate = readFileSync(ERRORS_PAGE, { encoding: 'utf8', flag: 'a+' }) === errorsPage();
  if (!process.argv.includes('--check')) writeFileSync(ERRORS_PAGE, errorsPage());
  else if (!upToDate) console.error('docs/errors.md is not what the catalogue says: run `npm run docs`.');
  process.exitCode = upToDate || !process.argv.includes('--check') ? 0 : 1;
}
