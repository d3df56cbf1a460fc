/** `postrider replay`: events sent again to one endpoint. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ReplayAccepted, ReplayCreateBody, ReplayObject } from '@postrider/contract/schemas/replay';
import { call } from './client.ts';
import { CliError, usage } from './failure.ts';
import { findTarget, withTarget, type Target, type TargetOptions } from './target.ts';
import type { Terminal } from './terminal.ts';

interface ReplayOptions extends TargetOptions {
  endpoint?: string;
  type?: string[];
  after?: string;
  before?: string;
  recipient?: string;
  message?: string;
  campaign?: string;
  status?: string;
  rate?: string;
  dryRun?: boolean;
  wait?: boolean;
  cancel?: string;
  json?: boolean;
}

/** Counting reads as much of the log as there is. */
const COUNT_TIMEOUT_MS = 600_000;
const POLL_MS = 250;
/** Progress is told when it has changed, and not more often than this. */
const TOLD_EVERY_MS = 1_000;

export function addReplay(program: Command, terminal: Terminal): void {
  withTarget(program.command('replay'))
    .description('send events again to an endpoint')
    .option('--endpoint <id>', 'the endpoint; nothing is sent to any other')
    .option('--type <type...>', 'only events of these types; prefixes such as custom.*')
    .option('--after <time>', 'only events that are not older than this, such as 2026-04-19T00:00:00Z')
    .option('--before <time>', 'only events that are older than this')
    .option('--recipient <address>', 'only events about this recipient')
    .option('--message <id>', 'only events of this message')
    .option('--campaign <id>', 'only events of this campaign')
    .option(
      '--status <status>',
      'all = the event log through its subscription, failed = its dead letters',
      'all',
    )
    .option('--rate <number>', 'events per second; without it as fast as the endpoint takes them')
    .option('--dry-run', 'only say how many it would be')
    .option('--wait', 'stay until all of it has arrived, and say how far it is')
    .option('--cancel <replay>', 'cancel this replay instead of beginning one')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      `
A replay goes on at the server when this command ends, and after a restart of the server too.

Examples:
  postrider replay --endpoint end_… --after 2026-04-19T00:00:00Z --dry-run
  postrider replay --endpoint end_… --type bounce complaint --wait
  postrider replay --endpoint end_… --status failed --rate 50
  postrider replay --cancel rpl_…`,
    )
    .action((options: ReplayOptions) => replay(options, terminal));
}

async function replay(options: ReplayOptions, terminal: Terminal): Promise<void> {
  const target = findTarget(options, terminal);
  if (options.cancel !== undefined) return cancel(options.cancel, options, target, terminal);
  const accepted = await call<ReplayAccepted>(target, '/v1/replays', {
    method: 'POST',
    body: bodyOf(options),
    signal: terminal.signal,
    timeout_ms: COUNT_TIMEOUT_MS,
  });
  const { replay_id, matched } = accepted;
  if (replay_id === null || options.wait !== true) {
    if (options.json === true) terminal.out(JSON.stringify(accepted));
    else
      terminal.out(
        replay_id === null ? `${matched} events would be sent` : `${replay_id}  ${matched} events`,
      );
    return;
  }
  terminal.note(`${replay_id}: ${matched} events; Ctrl-C leaves it running`);
  const ended = await follow(target, replay_id, terminal);
  if (ended !== null) tellEnd(ended, options, terminal);
}

function bodyOf(options: ReplayOptions): ReplayCreateBody {
  if (options.endpoint === undefined) throw usage('Say to which endpoint with --endpoint.');
  if (options.status !== 'all' && options.status !== 'failed') throw usage('--status must be all or failed.');
  const rate = options.rate === undefined ? undefined : Number(options.rate);
  if (rate !== undefined && !(rate > 0)) throw usage('--rate must be a number of events per second.');
  const given = {
    event_types: options.type,
    after: options.after,
    before: options.before,
    recipient: options.recipient,
    message_id: options.message,
    campaign_id: options.campaign,
    rate,
    dry_run: options.dryRun,
  };
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  return { endpoint_id: options.endpoint, status: options.status, ...Object.fromEntries(named) };
}

/** Null when the user did not want to wait for it. */
async function follow(target: Target, replay_id: string, terminal: Terminal): Promise<ReplayObject | null> {
  let told = '';
  let toldAt = -TOLD_EVERY_MS;
  try {
    for (;;) {
      const now = await call<ReplayObject>(target, `/v1/replays/${replay_id}`, { signal: terminal.signal });
      const line = progress(now);
      if (line !== told && performance.now() - toldAt >= TOLD_EVERY_MS) {
        terminal.note(line);
        told = line;
        toldAt = performance.now();
      }
      if (now.status !== 'running') return now;
      await sleep(POLL_MS, undefined, { signal: terminal.signal });
    }
  } catch (error) {
    if (!terminal.signal.aborted) throw error;
    terminal.note(`It goes on at the server. To cancel it: postrider replay --cancel ${replay_id}`);
    return null;
  }
}

function progress({ matched, queued, skipped, delivered, failed, discarded }: ReplayObject): string {
  const rest = [
    [failed, 'failed'],
    [discarded, 'discarded'],
    [skipped, 'left alone'],
  ].flatMap(([count, what]) => (count === 0 ? [] : [`, ${count} ${what}`]));
  return `${delivered} delivered of ${queued} queued, of ${matched}${rest.join('')}`;
}

function tellEnd(ended: ReplayObject, options: ReplayOptions, terminal: Terminal): void {
  terminal.out(
    options.json === true ? JSON.stringify(ended) : `${ended.replay_id}  ${ended.status}: ${progress(ended)}`,
  );
  if (ended.status !== 'completed')
    throw new CliError(ended.error ?? `The replay was ${ended.status} before it was complete.`);
  if (ended.failed > 0)
    throw new CliError(`${ended.failed} are dead letters again; see postrider replay --status failed.`);
}

async function cancel(
  replay_id: string,
  options: ReplayOptions,
  target: Target,
  terminal: Terminal,
): Promise<void> {
  if (options.endpoint !== undefined) throw usage('--cancel takes a replay alone, without --endpoint.');
  const cancelled = await call<ReplayObject>(target, `/v1/replays/${encodeURIComponent(replay_id)}/cancel`, {
    method: 'POST',
    signal: terminal.signal,
  });
  terminal.out(
    options.json === true ? JSON.stringify(cancelled) : `${replay_id}  cancelled: ${progress(cancelled)}`,
  );
}
