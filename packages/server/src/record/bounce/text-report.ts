/** Bounces written for people only: which format it is, who it names, and what it says of each. */

import { isAutoReply } from './auto-reply.ts';
import { field, fieldText, type Field } from './header-fields.ts';
import {
  addTranscript,
  linesOf,
  MAX_NAMED,
  mentionedIn,
  namedIn,
  saidAbout,
  transcriptOf,
} from './named-in-text.ts';
import { failedAddress } from './report-address.ts';
import { oneLine } from './report.ts';
import {
  COPY_OPENINGS,
  DELAY_SUBJECTS,
  FAILURE_SUBJECTS,
  TEXT_FORMATS,
  type TextFormat,
} from './text-formats.ts';

export interface TextReport {
  delayed: boolean;
  /** Address and what is said about it. */
  named: Map<string, string>;
  /** What is said at all, for a notice that names nobody. */
  said: string;
  /** Of one kind of server, so that it is a notice even when it names nobody. */
  known: boolean;
  /** Only sender and subject say what it is: it takes a server's reply, too. */
  guessed: boolean;
  /** The server's own words. */
  own: string;
  /** The header of the original, when the text has it. */
  original: string;
}

/** The server speaks first; a person who tells of a bounce further down is not it. */
const MAX_LINES_BEFORE = 60;
const ROBOTS = new Set([
  'mailer-daemon',
  'mailerdaemon',
  'mailer_daemon',
  'mail-daemon',
  'maildaemon',
  'postmaster',
  'double-bounce',
  'bounce-handler',
]);
const ANSWER = /^\s*(?:re|aw|fwd?|wg|sv|vs|tr|rv|rif|antw)\s*:/;

/** Null unless a machine sent it as a notice. `isReport` is true for a multipart/report, which only machines make. */
export function readTextReport(fields: readonly Field[], text: string, isReport: boolean): TextReport | null {
  const lines = linesOf(text);
  const copy = lines.findIndex(isCopyOpening);
  const own = copy < 0 ? lines : lines.slice(0, copy);
  const opening = findOpening(fields, own, isReport);
  const subject = subjectKind(fields);
  if ((opening === null && subject === null) || isAutoReplySubject(fields)) return null;
  const named = namesOf(
    fields,
    opening === null ? own : own.slice(opening.line),
    opening?.format.labels ?? [],
    own,
  );
  return {
    delayed: opening === null ? subject === 'delayed' : opening.format.delayed === true,
    named,
    said: transcriptOf(own) || oneLine(own.slice(opening?.line ?? 0, (opening?.line ?? 0) + 12).join(' ')),
    known: isReport || (opening !== null && opening.format.vague !== true),
    guessed: opening === null && !isReport,
    own: own.join('\n'),
    original: copy < 0 ? '' : lines.slice(copy + 1).join('\n'),
  };
}

/** What the text part of a report says about an address, for reports whose machine part says nothing. */
export function saidInText(text: string, address: string | null): string {
  const lines = linesOf(text);
  const named = namedIn(lines, []);
  addTranscript(named, lines);
  const said = address === null ? '' : (named.get(address) ?? '');
  return said || (address === null ? '' : saidAbout(lines, address)) || transcriptOf(lines) || oneLine(text);
}

/** The one address that the text part of a report names. */
export function onlyNamed(text: string): string | null {
  const [first, second] = namedIn(linesOf(text), []).keys();
  return first !== undefined && second === undefined ? first : null;
}

/** RFC 5321 section 4.5.5: notices have the null return path; older servers at least use a name of their own. */
export function isMachine(fields: readonly Field[]): boolean {
  const path = field(fields, 'return-path')?.trim().toLowerCase() ?? null;
  return path === '<>' || path === '' || path?.startsWith('<mailer-daemon') === true || isServer(fields);
}

/** The null return path is what vacation notices have, too; a name of its own is what only servers have. */
function isServer(fields: readonly Field[]): boolean {
  if (field(fields, 'x-failed-recipients') !== null) return true;
  const from = (field(fields, 'from') ?? '').toLowerCase().slice(0, 500);
  const address = /<([^<>]*)>/.exec(from)?.[1] ?? from;
  // `MAILER-DAEMON <>` has its name only in words.
  const name = address === '' ? from.replace('<>', '') : (address.split('@')[0] ?? '');
  return ROBOTS.has(name.replaceAll('"', '').replace(/\(.*$/, '').trim());
}

function findOpening(
  fields: readonly Field[],
  lines: readonly string[],
  isReport: boolean,
): { format: TextFormat; line: number } | null {
  const first = lines.slice(0, MAX_LINES_BEFORE).map((line) => line.toLowerCase().replaceAll('’', "'"));
  const answer = ANSWER.test(fieldText(fields, 'subject').toLowerCase());
  const server = isReport || (isServer(fields) && !answer);
  const machine = server || (isMachine(fields) && !answer);
  for (const format of TEXT_FORMATS) {
    if (!(format.vague === true ? server : machine) && !isMachineOf(format, fields)) continue;
    const line = first.findIndex((each) => opens(format, each));
    if (line >= 0) return { format, line };
  }
  return null;
}

/** Not in a quotation; and where people use the words, too, only as the start of a line. */
function opens(format: TextFormat, line: string): boolean {
  if (/^\s*[>|]/.test(line)) return false;
  const start = line.replace(/^[\s*-]+/, '');
  return format.opening.some((part) =>
    format.vague === true ? start.startsWith(part) : line.includes(part),
  );
}

function isMachineOf(format: TextFormat, fields: readonly Field[]): boolean {
  const from = field(fields, 'from')?.toLowerCase() ?? '';
  const mailer = field(fields, 'x-mailer')?.toLowerCase() ?? '';
  return format.machine?.some((word) => from.startsWith(word) || mailer.includes(word)) === true;
}

function subjectKind(fields: readonly Field[]): 'failed' | 'delayed' | null {
  if (!isServer(fields) || ANSWER.test(fieldText(fields, 'subject').toLowerCase())) return null;
  const subject = fieldText(fields, 'subject').toLowerCase();
  if (DELAY_SUBJECTS.some((words) => subject.includes(words))) return 'delayed';
  return FAILURE_SUBJECTS.some((words) => subject.includes(words)) ? 'failed' : null;
}

/** Servers mark their notices as automatic, so only a subject tells a vacation notice here. */
function isAutoReplySubject(fields: readonly Field[]): boolean {
  return isAutoReply(fields.filter(({ name }) => name === 'subject'));
}

function isCopyOpening(line: string): boolean {
  const start = line.slice(0, 120).trimStart().toLowerCase();
  return COPY_OPENINGS.some((opening) => start.startsWith(opening.trimStart()));
}

function namesOf(
  fields: readonly Field[],
  lines: readonly string[],
  labels: readonly string[],
  all: readonly string[],
): Map<string, string> {
  let named = namedIn(lines, labels);
  if (named.size === 0) named = mentionedIn(lines);
  addFailedRecipients(fields, named, all);
  addTranscript(named, all);
  return named;
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
    .flatMap((each) => failedAddress(each) ?? []);
  if (failed.length === 0) return;
  for (const address of named.keys()) if (!failed.includes(address)) named.delete(address);
  for (const address of failed)
    if (!named.has(address)) named.set(address, saidAbout(lines, address) || oneLine(lines.join(' ')));
}
