/** Bounces written for people only: which format it is, who it names, and what it says of each. */

import { field, type Field } from './header-fields.ts';
import { bareAddress } from './report-address.ts';
import { oneLine } from './report.ts';
import { COPY_OPENINGS, TEXT_FORMATS, type TextFormat } from './text-formats.ts';

export interface TextReport {
  format: TextFormat;
  /** Address and what is said about it. */
  named: Map<string, string>;
  /** The header of the original, when the text has it. */
  original: string;
}

/** The server speaks first; a person who tells of a bounce further down is not it. */
const MAX_LINES_BEFORE = 60;
const MAX_LINES = 2000;
const MAX_LINE = 1000;
const MAX_NAMED = 1000;
const MAX_COLLECTED = 2000;
const SERVER_SAID = /^\s*(?:<<<|<--|\d\d:\d\d:\d\d: <--|[45]\d\d[ -])/;
/** An address at the start of a line, in brackets or quotes or bare. */
const NAMED =
  /^[\s*]*(?:<([^<>\s]+@[^<>\s]+)>|"([^"\s@]+@[^"\s@]+)"|([^\s<>"():;,|@]+@[^\s<>"():;,|@]+))(?=[\s:;,.(]|$)\s*[:;]?\s*(.*)$/;
/** A remark that stands between the address and the reason. */
const ONLY_INTRODUCES = /^[^\d]{0,60}:$/;

/** Null unless a machine sent it in a format that is known. */
export function readTextReport(fields: readonly Field[], text: string): TextReport | null {
  const lines = text.split('\n', MAX_LINES).map((line) => line.slice(0, MAX_LINE).trimEnd());
  const copy = lines.findIndex(isCopyOpening);
  const own = copy < 0 ? lines : lines.slice(0, copy);
  const opening = findOpening(fields, own);
  if (opening === null) return null;
  const named = namedIn(own.slice(opening.line), opening.format.labels ?? []);
  addFailedRecipients(fields, named, own);
  addTranscript(named, own);
  return { format: opening.format, named, original: copy < 0 ? '' : lines.slice(copy + 1).join('\n') };
}

/** What the text part of a report says about each address; for reports whose machine part says nothing. */
export function namedInText(text: string): Map<string, string> {
  const lines = text.split('\n', MAX_LINES).map((line) => line.slice(0, MAX_LINE).trimEnd());
  const named = namedIn(lines, []);
  addTranscript(named, lines);
  return named;
}

function findOpening(
  fields: readonly Field[],
  lines: readonly string[],
): { format: TextFormat; line: number } | null {
  const machine = isMachine(fields);
  const first = lines.slice(0, MAX_LINES_BEFORE).map((line) => line.toLowerCase().replaceAll('’', "'"));
  for (const format of TEXT_FORMATS) {
    if (!machine && !isMachineOf(format, fields)) continue;
    const line = first.findIndex(
      (each) => !/^\s*[>|]/.test(each) && format.opening.some((part) => each.includes(part)),
    );
    if (line >= 0) return { format, line };
  }
  return null;
}

/** RFC 5321 section 4.5.5: notices have the null return path; older servers at least use a name of their own. */
export function isMachine(fields: readonly Field[]): boolean {
  const path = field(fields, 'return-path')?.trim().toLowerCase() ?? null;
  if (path === '<>' || path === '' || path?.startsWith('<mailer-daemon') === true) return true;
  if (field(fields, 'x-failed-recipients') !== null) return true;
  const from = field(fields, 'from')?.toLowerCase() ?? '';
  return /(?:^|[<\s"])(?:mailer-daemon|mailerdaemon|mail-daemon|maildaemon|postmaster|mailer_daemon|double-bounce|bounce-handler)(?:@|[\s>"(]|$)/.test(
    from.slice(0, 500),
  );
}

function isMachineOf(format: TextFormat, fields: readonly Field[]): boolean {
  const from = field(fields, 'from')?.toLowerCase() ?? '';
  const mailer = field(fields, 'x-mailer')?.toLowerCase() ?? '';
  return format.machine?.some((word) => from.startsWith(word) || mailer.includes(word)) === true;
}

function isCopyOpening(line: string): boolean {
  const start = line.slice(0, 120).trimStart().toLowerCase();
  return COPY_OPENINGS.some((opening) => start.startsWith(opening.trimStart()));
}

function namedIn(lines: readonly string[], labels: readonly string[]): Map<string, string> {
  const named = new Map<string, string>();
  let current: string | null = null;
  let said: string[] = [];
  const settle = (): void => {
    if (current !== null && !named.has(current)) named.set(current, oneLine(said.join(' ')));
    said = [];
  };
  for (const line of lines) {
    const found = addressOf(line, labels);
    if (found !== null && named.size < MAX_NAMED) {
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

function addressOf(line: string, labels: readonly string[]): { address: string; rest: string } | null {
  const lower = line.toLowerCase();
  const label = labels.find((each) => lower.trimStart().startsWith(each));
  const text =
    label === undefined
      ? line
      : line
          .trimStart()
          .slice(label.length)
          .replace(/^\s*\[smtp:|^\s*\[/i, '');
  const match = NAMED.exec(text.replaceAll(']', ' '));
  const address = bareAddress((match?.[1] ?? match?.[2] ?? match?.[3] ?? '').replace(/[.:]$/, ''));
  if (match === null || address === null) return null;
  const before = label === undefined ? '' : `${label} `;
  return { address, rest: `${before}${match[4] ?? ''}`.trim() };
}

/** Exim and Gmail say in the header who it is about; their text then only has the reasons. */
function addFailedRecipients(
  fields: readonly Field[],
  named: Map<string, string>,
  lines: readonly string[],
): void {
  const failed = fields
    .filter(({ name }) => name === 'x-failed-recipients')
    .flatMap(({ value }) => value.split(','))
    .slice(0, MAX_NAMED)
    .flatMap((each) => bareAddress(each) ?? []);
  if (failed.length === 0) return;
  for (const address of named.keys()) if (!failed.includes(address)) named.delete(address);
  for (const address of failed) if (!named.has(address)) named.set(address, oneLine(lines.join(' ')));
}

/** Where the line of an address has no reply in it, the transcript of the session has. */
function addTranscript(named: Map<string, string>, lines: readonly string[]): void {
  const replies = lines.filter((line) => SERVER_SAID.test(line)).slice(0, 20);
  if (replies.length === 0) return;
  for (const [address, said] of named) {
    if (/[45]\d\d/.test(said)) continue;
    const about = replies.filter((line) => line.toLowerCase().includes(address.toLowerCase()));
    const words = (about.length > 0 ? about : replies).map((line) =>
      line.replace(/^\s*(?:<<<|\d\d:\d\d:\d\d: <--|<--)\s*/, ''),
    );
    named.set(address, oneLine(`${words.slice(0, 3).join(' ')} ${said}`));
  }
}
