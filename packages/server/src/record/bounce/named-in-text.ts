/** Who a notice written for people names, and what it says of each. */

import { bareAddress } from './report-address.ts';
import { oneLine } from './report.ts';
import { MENTIONS } from './text-formats.ts';

const MAX_LINES = 2000;
const MAX_LINE = 1000;
export const MAX_NAMED = 1000;
const MAX_COLLECTED = 2000;
const SERVER_SAID = /^\s*(?:<<<|<--|\d\d:\d\d:\d\d: <--|[45]\d\d[ -])/;
const REPLY_MARK = /^\s*(?:<<<|\d\d:\d\d:\d\d: <--|<--)\s*/;
/** An address at the start of a line, in brackets or quotes or bare. */
const NAMED =
  /^[\s*]*(?:<([^<>\s]+@[^<>\s]+)>|["']<?([^"'<>\s@]+@[^"'<>\s@]+)>?["']|([^\s<>"'():;,|@]+@[^\s<>"'():;,|@]+))(?=[\s:;,.(<]|$)\s*[:;]?\s*(.*)$/;
/** A remark that stands between the address and the reason. */
const ONLY_INTRODUCES = /^[^\d]{0,60}:$/;

export function linesOf(text: string): string[] {
  return text.split('\n', MAX_LINES).map((line) => line.slice(0, MAX_LINE).trimEnd());
}

/** Addresses that start a line or follow a label, with what the next lines say. */
export function namedIn(lines: readonly string[], labels: readonly string[]): Map<string, string> {
  const named = new Map<string, string>();
  let current: string | null = null;
  let said: string[] = [];
  const settle = (): void => {
    // What is said last is nearest to the server's own words; a first list only names them.
    if (current !== null && (named.get(current) ?? '') === '') named.set(current, oneLine(said.join(' ')));
    said = [];
  };
  for (const line of lines) {
    const found = named.size < MAX_NAMED ? addressOf(line, labels) : null;
    if (found !== null) {
      settle();
      current = found.address;
      if (found.rest !== '') said.push(found.rest);
    } else if (current === null) continue;
    else if (line.trim() === '') {
      if (said.some((each) => !ONLY_INTRODUCES.test(each.trim()))) {
        settle();
        current = null;
      }
    } else if (said.join(' ').length < MAX_COLLECTED) said.push(line.trim());
  }
  settle();
  return named;
}

/** Addresses behind the words that usually introduce them, wherever they stand. */
export function mentionedIn(lines: readonly string[]): Map<string, string> {
  const named = new Map<string, string>();
  lines.forEach((line, index) => {
    const lower = line.toLowerCase();
    const mention = MENTIONS.find((words) => lower.includes(words));
    if (mention === undefined || named.size >= MAX_NAMED) return;
    const match = NAMED.exec(line.slice(lower.indexOf(mention) + mention.length));
    const address = bareAddress(endless(match?.[1] ?? match?.[2] ?? match?.[3]));
    if (address !== null && !named.has(address)) named.set(address, saidFrom(lines, index));
  });
  return named;
}

/** The paragraph from the line on where `address` stands; empty when it stands nowhere. */
export function saidAbout(lines: readonly string[], address: string): string {
  const wanted = address.toLowerCase();
  const index = lines.findIndex((line) => line.toLowerCase().includes(wanted));
  return index < 0 ? '' : saidFrom(lines, index);
}

/** Where the lines of an address have no reply in them, the transcript of the session has. */
export function addTranscript(named: Map<string, string>, lines: readonly string[]): void {
  const replies = lines.filter((line) => SERVER_SAID.test(line)).slice(0, 20);
  if (replies.length === 0) return;
  for (const [address, said] of named) {
    if (/[45]\d\d|[45]\.\d\.\d/.test(said)) continue;
    const about = replies.filter((line) => line.toLowerCase().includes(address.toLowerCase()));
    const words = (about.length > 0 ? about : replies).map((line) => line.replace(REPLY_MARK, ''));
    named.set(address, oneLine(`${words.slice(0, 3).join(' ')} ${said}`));
  }
}

/** A transcript alone, for a notice that names nobody. */
export function transcriptOf(lines: readonly string[]): string {
  return oneLine(
    lines
      .filter((line) => SERVER_SAID.test(line))
      .slice(0, 3)
      .map((line) => line.replace(REPLY_MARK, ''))
      .join(' '),
  );
}

function saidFrom(lines: readonly string[], index: number): string {
  const rest = lines.slice(index, index + 12);
  const end = rest.findIndex((line, at) => at > 0 && line.trim() === '');
  return oneLine(rest.slice(0, end < 0 ? undefined : end).join(' '));
}

function addressOf(line: string, labels: readonly string[]): { address: string; rest: string } | null {
  const start = line.trimStart().toLowerCase();
  const label = labels.find((each) => start.startsWith(each));
  const text =
    label === undefined
      ? line
      : line
          .trimStart()
          .slice(label.length)
          .replace(/^\s*\[(?:smtp:)?/i, '');
  const match = NAMED.exec(text.replaceAll(']', ' '));
  const address = bareAddress(endless(match?.[1] ?? match?.[2] ?? match?.[3]));
  if (match === null || address === null) return null;
  return { address, rest: `${label ?? ''} ${match[4] ?? ''}`.trim() };
}

function endless(text: string | undefined): string {
  return (text ?? '').replace(/[.:]$/, '');
}
