/** `postrider explain-bounce FILE…`: what a bounce, complaint or automatic answer says, without server or store. */

import { open } from 'node:fs/promises';
import type { Command } from 'commander';
import { explainReport, type ExplainedRecipient } from '../record/bounce/explain-report.ts';
import { readReport } from '../record/bounce/read-report.ts';
import { MAX_RECIPIENTS } from '../record/bounce/report.ts';
import { CliError } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** What the product takes as one message; a report with the whole original is not larger. */
const MAX_BYTES = 25 * 1024 * 1024;
const STANDARD_INPUT = '-';
const CHUNK_BYTES = 1024 * 1024;

/** A problem with one file, told by its name; the others are still explained. */
class FileError extends Error {}

/** Where the bytes of `-` come from. */
type Input = () => AsyncIterable<Uint8Array>;

export function addExplainBounce(
  program: Command,
  terminal: Terminal,
  input: Input = () => process.stdin,
): void {
  program
    .command('explain-bounce')
    .description('tell what bounces, complaints and automatic answers say, a JSON line for each file')
    .argument('<file...>', 'messages as received (.eml); - for standard input')
    .addHelpText(
      'after',
      `
Prints {file, kind, recipients, original} as a line of JSON:
  kind        bounce, delayed, complaint, auto_reply or other
  recipients  address (null when the report does not tell it), outcome (bounce, soft_bounce, deferred, complaint),
              category, smtp_code, enhanced_code, diagnostic, and the rule that decided (docs/bounces.md)
  original    message_id of the mail it is about, when it is there
Nothing is sent and nothing is stored. A file has at most 25 MB. The exit code is 1 when a file could not be read.

Examples:
  postrider explain-bounce bounce.eml
  postrider explain-bounce maildir/new/* | jq -r '.recipients[] | [.address, .category] | @tsv'
  cat bounce.eml | postrider explain-bounce -`,
    )
    .action((files: string[]) => explainFiles(files, terminal, input));
}

async function explainFiles(files: readonly string[], terminal: Terminal, input: Input): Promise<void> {
  let failed = 0;
  for (const file of files) {
    if (terminal.signal.aborted) return;
    try {
      explain(file, await bytesOf(file, input), terminal);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      terminal.note(`postrider: ${file}: ${error.message}`);
      failed++;
    }
  }
  if (failed > 0) throw new CliError(`${failed} of ${files.length} could not be explained.`);
}

function explain(file: string, raw: Uint8Array, terminal: Terminal): void {
  const { kind, recipients, original, truncated } = explainReport(readReport(raw));
  const { message_id } = original;
  terminal.out(
    JSON.stringify({
      file,
      kind,
      recipients: recipients.map(shown),
      original: message_id === null ? {} : { message_id },
    }),
  );
  if (truncated) terminal.note(`postrider: ${file}: only the first ${MAX_RECIPIENTS} recipients are shown.`);
}

function shown(recipient: ExplainedRecipient): object {
  const { address, outcome, category, smtp_code, enhanced_code, diagnostic, rule } = recipient;
  return { address, outcome, category, smtp_code, enhanced_code, diagnostic, rule };
}

async function bytesOf(file: string, input: Input): Promise<Uint8Array> {
  const raw = file === STANDARD_INPUT ? await collect(input()) : await fileBytes(file);
  if (raw.length === 0) throw new FileError('is empty; give a message as it was received, header and all');
  return raw;
}

/** Read in pieces, so that what grows, or never ends, is refused at the limit and not held. */
async function fileBytes(file: string): Promise<Uint8Array> {
  const handle = await open(file, 'r').catch(unreadable);
  try {
    const about = await handle.stat();
    if (about.isDirectory()) throw new FileError('is a folder; name the files in it');
    if (about.size > MAX_BYTES) throw tooLarge();
    return await collect(handle.createReadStream({ autoClose: false, highWaterMark: CHUNK_BYTES }));
  } catch (error) {
    if (error instanceof FileError) throw error;
    return unreadable(error);
  } finally {
    await handle.close();
  }
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > MAX_BYTES) throw tooLarge();
    parts.push(chunk);
  }
  return Buffer.concat(parts, size);
}

function tooLarge(): FileError {
  return new FileError(`is larger than ${MAX_BYTES / 1024 / 1024} MB; cut off what follows the report`);
}

function unreadable(error: unknown): never {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') throw new FileError('does not exist', { cause: error });
  if (code === 'EACCES') throw new FileError('may not be read; check its permissions', { cause: error });
  throw new FileError(`cannot be read: ${message}`, { cause: error });
}
