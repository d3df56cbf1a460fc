/** What a person would read first in a report: its first text, or its HTML without the markup. */

import { partText, type Part } from './mime-parts.ts';

const TEXT_BYTES = 128 * 1024;
const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
  nbsp: ' ',
};

export function visibleText(mail: Part): string {
  const leaves = [...leavesOf(mail)];
  const plain = leaves.find(({ type }) => type === 'text/plain');
  const html = leaves.find(({ type }) => type === 'text/html');
  const text = plain === undefined ? '' : partText(plain, TEXT_BYTES);
  if (text.trim() !== '' || html === undefined) return text;
  return withoutMarkup(partText(html, TEXT_BYTES));
}

function* leavesOf(part: Part): Generator<Part> {
  if (part.parts.length === 0) yield part;
  else for (const inner of part.parts) yield* leavesOf(inner);
}

/** Tags become line breaks; a `<` that never closes ends the text. One pass. */
function withoutMarkup(html: string): string {
  const pieces: string[] = [];
  let at = 0;
  while (at < html.length) {
    const open = html.indexOf('<', at);
    pieces.push(html.slice(at, open < 0 ? html.length : open));
    if (open < 0) break;
    const close = html.indexOf('>', open);
    if (close < 0) break;
    at = close + 1;
  }
  return pieces.join('\n').replace(/&([a-z]{2,5}|#39);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}
