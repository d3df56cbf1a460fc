/** docs/providers.md as the providers' tables want it; `page.test.ts` compares, and writes it with `-u` behind its name. */

import { customType } from './normalize.ts';
import type { Coverage, Mapping, Provider } from './provider.ts';
import { PROVIDERS } from './providers.ts';

const HEAD = `# Providers

Webhooks of these providers can be verified and read, by \`POST /v1/sources\` and by the SDK's receiver. Each event becomes one of
ours, with the recipient, the provider's ids, the time and what else it tells; a type that is not in the table becomes
\`custom.<provider>.<type>\` with its payload. A request with more than 10,000 events is refused whole.

This page is made from \`packages/contract/src/providers\`: \`vitest run packages/contract/src/providers/page.test.ts -u\`.
`;

const COVERAGE: Readonly<Record<Coverage, string>> = {
  body: 'every byte of the body',
  content: 'all that becomes an event, not its encoding',
  token: 'a token for one request, not the event beside it: remember the tokens',
  nothing: 'nothing: whoever knows the password or token is believed',
};

export function providersPage(): string {
  const providers = Object.values(PROVIDERS);
  const overview = table(
    ['provider', 'authentication', 'covered', 'accepted for'],
    providers.map((one) => [`\`${one.name}\``, one.authentication, COVERAGE[one.coverage], ageOf(one)]),
  );
  return `${HEAD}\n${overview}\n${providers.map(section).join('\n')}`;
}

function ageOf({ maxAge }: Provider): string {
  if (maxAge === null) return 'no time is signed';
  return maxAge < 3_600 ? `${maxAge / 60} min` : `${maxAge / 3_600} h`;
}

function section(provider: Provider): string {
  const rows = provider.mappings.map((mapping) => [
    `\`${mapping.theirs}\``,
    `\`${mapping.ours === 'custom' ? customType(provider.name, mapping.theirs) : mapping.ours}\``,
    noteOf(mapping),
  ]);
  const head = `## ${provider.title}\n\nSource: <${provider.documentation}>\n`;
  return `${head}\n${table(['theirs', 'ours', 'note'], rows)}`;
}

function noteOf({ category, machine, note }: Mapping): string {
  const parts = [
    category === undefined ? null : `category ${category}`,
    machine === true ? 'machine' : null,
    note,
  ];
  return parts.filter((part) => part != null).join('; ');
}

/** Columns as wide as their widest cell, as the formatter of this repository has them. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) =>
    Math.max(cell.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |\n`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |\n`;
  return line(head) + rule + rows.map(line).join('');
}
