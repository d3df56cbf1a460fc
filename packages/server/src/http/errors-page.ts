/** `/docs/errors`: one anchor for each code, because `type` of every problem points here. */

import { ERRORS, type ErrorEntry } from '@postrider/contract/errors';

export function errorsPage(): string {
  const entries = Object.entries(ERRORS as Record<string, ErrorEntry>).sort(
    ([a, left], [b, right]) => left.status - right.status || a.localeCompare(b),
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Errors of Postrider</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}section:target{background:#fff3c4}code{font-size:.95em}</style>
</head>
<body>
<h1>Errors</h1>
<p>Every error is an RFC 9457 problem (<code>application/problem+json</code>). <code>code</code> is one of these.</p>
${entries.map(([code, entry]) => section(code, entry)).join('\n')}
</body>
</html>
`;
}

function section(code: string, entry: ErrorEntry): string {
  return `<section id="${code}"><h2><code>${code}</code> — ${entry.status}</h2><p>${escape(entry.title)}.</p><p>${marked(entry.remedy)}</p></section>`;
}

function escape(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');
}

/** Back quotes as code. */
function marked(text: string): string {
  return escape(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}
