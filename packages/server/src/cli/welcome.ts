/** What a start in development prints: addresses, keys, and the next three commands to try. */

import { relative } from 'node:path';
import type { RunningServer } from '../main.ts';

/** The last line contains "ready". */
export function welcome(server: RunningServer, dataDir: string): string {
  const { http, smtp, firstRun } = server;
  const smtpUrl = smtp === null ? null : new URL(smtp);
  const folder = relative(process.cwd(), dataDir);
  const key = firstRun?.keys.sandbox ?? '$POSTRIDER_API_KEY';
  const lines = [
    '',
    '  Postrider',
    '',
    `  HTTP    ${http}   (API pages: ${http}/docs)`,
    `  SMTP    ${smtpUrl === null ? 'off' : `${smtpUrl.hostname}:${smtpUrl.port}   (any user name, an API key as password)`}`,
    `  Data    ${dataDir}`,
  ];
  if (firstRun !== null)
    lines.push(
      '',
      `  Sandbox key   ${firstRun.keys.sandbox}   (sends nothing out; try things with it)`,
      `  Live key      ${firstRun.keys.live}`,
      `  Admin key     ${firstRun.keys.admin}`,
      '  They are in first-run.json of the data folder.',
    );
  lines.push(
    '',
    '  Try next, in another terminal:',
    '',
    '  1. Watch the events:',
    `     npm exec postrider -- tail${folder === 'data' ? '' : ` --data-dir ${dataDir}`}`,
    '  2. Send a message by HTTP:',
    `     curl ${http}/v1/messages -H "Authorization: Bearer ${key}" -H "Content-Type: application/json" \\`,
    `       -d '{"from":"me@example.com","to":"delivered@sandbox.test","subject":"Hello","text":"It works."}'`,
    ...thirdStep(smtpUrl, key),
    '',
    '  Postrider is ready.',
    '',
  );
  return lines.join('\n');
}

function thirdStep(smtp: URL | null, key: string): string[] {
  if (smtp === null)
    return [
      '  3. Get signed webhooks on this machine:',
      '     npm exec postrider -- listen --forward-to http://localhost:3000/webhooks',
    ];
  return [
    '  3. Send a message by SMTP, one that bounces:',
    `     printf 'From: me@example.com\\nTo: bounce@sandbox.test\\nSubject: Hello\\n\\nIt works.\\n' | \\`,
    `       curl smtp://${smtp.host} --user "postrider:${key}" --mail-from me@example.com \\`,
    '       --mail-rcpt bounce@sandbox.test --crlf -T -',
  ];
}
