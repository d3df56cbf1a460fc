/** `postrider tail`: an environment's events, a line each, as they happen. */

import type { EventEnvelope } from '@postrider/contract/events';
import type { Command } from 'commander';
import { readEvents } from './event-stream.ts';
import { findTarget, withTarget, type TargetOptions } from './target.ts';
import type { Terminal } from './terminal.ts';

interface TailOptions extends TargetOptions {
  eventTypes?: string;
  messageId?: string;
  recipient?: string;
  after?: string;
  json?: boolean;
}

export function addTail(program: Command, terminal: Terminal): void {
  withTarget(program.command('tail'))
    .description('show events as they happen')
    .option('--event-types <types>', 'only these, separated by commas')
    .option('--message-id <id>', 'only of this message')
    .option('--recipient <address>', 'only of this recipient')
    .option('--after <event_id>', 'start right after this event instead of now')
    .option('--json', 'print whole events as JSON, a line each')
    .addHelpText(
      'after',
      `
Examples:
  postrider tail
  postrider tail --event-types bounce,complaint --json | jq .data
  postrider tail --live --recipient ann@example.com`,
    )
    .action((options: TailOptions) => tail(options, terminal));
}

async function tail(options: TailOptions, terminal: Terminal): Promise<void> {
  const target = findTarget(options, terminal);
  const events = readEvents(target, {
    query: { event_type: options.eventTypes, message_id: options.messageId, recipient: options.recipient },
    lastEventId: options.after ?? null,
    signal: terminal.signal,
    onOpen: (again) => terminal.note(again ? 'connected again' : `following ${target.url}; Ctrl-C ends`),
    onBreak: (why, wait_ms) => terminal.note(`disconnected (${why}); again in ${wait_ms} ms`),
  });
  for await (const { event, text } of events) terminal.out(options.json === true ? text : eventLine(event));
}

/** Time, type, recipient, and the state it leads to. */
export function eventLine(event: EventEnvelope): string {
  const state = event.state === null ? '' : `  → ${event.state.status}`;
  return `${event.timestamp.slice(11, 23)}  ${event.event_type.padEnd(12)}  ${event.recipient ?? '-'}  ${event.message_id ?? event.event_id}${state}`;
}
