/** `postrider send`: one message by the HTTP API. */

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { call } from './client.ts';
import { EXIT, CliError, usage } from './failure.ts';
import { findTarget, withTarget, type TargetOptions } from './target.ts';
import type { Terminal } from './terminal.ts';

interface SendOptions extends TargetOptions {
  from: string;
  to?: string[];
  subject: string;
  text?: string;
  html?: string;
  tag?: string[];
  file?: string;
  idempotencyKey?: string;
  json?: boolean;
}

/** Answer of `POST /v1/messages`. */
export interface Accepted {
  message_id: string;
  recipients: { address: string; status: string; reason?: string }[];
}

export function addSend(program: Command, terminal: Terminal): void {
  withTarget(program.command('send'))
    .description('send a message')
    .option('--from <address>', 'sender', 'Postrider <hello@sandbox.test>')
    .option('--to <address...>', 'recipients')
    .option('--subject <text>', 'subject', 'Hello from Postrider')
    .option('--text <text>', 'plain text')
    .option('--html <html>', 'HTML')
    .option('--tag <tag...>', 'tags')
    .option(
      '--file <path>',
      'take the whole message as JSON from a file ("-" = standard input), as POST /v1/messages does',
    )
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      `
Examples:
  postrider send --to delivered@sandbox.test --text "Hello"
  postrider send --to ann@example.com --to bob@example.com --subject "Two at once" --html "<p>Hello</p>"
  postrider send --file message.json`,
    )
    .action((options: SendOptions) => sendMessage(options, terminal));
}

async function sendMessage(options: SendOptions, terminal: Terminal): Promise<void> {
  const target = findTarget(options, terminal);
  const body = options.file === undefined ? fromFlags(options) : fromFile(options.file);
  const accepted = await call<Accepted>(target, '/v1/messages', {
    method: 'POST',
    body,
    signal: terminal.signal,
  });
  if (options.json === true) terminal.out(JSON.stringify(accepted));
  else {
    terminal.out(accepted.message_id);
    for (const { address, status, reason } of accepted.recipients)
      terminal.out(`  ${address}  ${status}${reason === undefined ? '' : ` (${reason})`}`);
  }
  if (accepted.recipients.every(({ status }) => status === 'dropped'))
    throw new CliError('None of the recipients will get it; the reasons are above.', EXIT.failed);
}

function fromFlags(options: SendOptions): object {
  if (options.to === undefined) throw usage('Say to whom with --to, or give a whole message with --file.');
  const text =
    options.text ?? (options.html === undefined ? 'Sent with the Postrider command line.' : undefined);
  return {
    from: options.from,
    to: options.to,
    subject: options.subject,
    ...(text === undefined ? {} : { text }),
    ...(options.html === undefined ? {} : { html: options.html }),
    ...(options.tag === undefined ? {} : { tags: options.tag }),
  };
}

function fromFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path === '-' ? 0 : path, 'utf8'));
  } catch (error) {
    throw usage(`--file ${path}: ${(error as Error).message}`);
  }
}
