/** `npm run soak -- kill`: the run, its table, and the verdict in the last line. */

import { parseArgs } from 'node:util';
import { killSoak, type KillReport } from './kill-soak.ts';
import { STORIES } from './stories.ts';

/** The goals of load, and what is offered to be sure of them. */
const EVENTS_GOAL = 1_000;
const MESSAGES_GOAL = 100;
const MARGIN = 1.25;

/** Resolves to the exit code. */
export async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      kills: { type: 'string', default: '50' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    },
  });
  const kills = whole(values.kills, '--kills');
  const seed = whole(values.seed, '--seed');
  console.log(`kill -9, ${kills} times, seed ${seed}`);
  const report = await killSoak({
    kills,
    seed,
    eventsPerSecond: EVENTS_GOAL * MARGIN,
    messagesPerSecond: MESSAGES_GOAL * MARGIN,
    longestLife: 3_000,
    stories: Object.keys(STORIES),
    drainWithin_ms: 180_000,
    say: console.log,
  });
  print(report);
  return verdict(report, seed);
}

function whole(text: string, name: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${name} wants a whole number, not ${JSON.stringify(text)}`);
  return Number(text);
}

function print(report: KillReport): void {
  const { ledger, api, arrivals, unsettled } = report;
  const time = (at: number): string => new Date(at).toISOString().slice(11, 23);
  if (arrivals.duplicates.length > 0)
    console.log('\nDuplicates, each with the kill that took its acknowledgement:');
  for (const { endpoint, event_id, first_at, again_at, kill } of arrivals.duplicates)
    console.log(
      `  ${event_id} at ${endpoint}: ${time(first_at)} and ${time(again_at)}, ${kill === null ? 'NO KILL' : `kill ${kill}`}`,
    );
  console.log(
    '\n| endpoint | events it wants | arrived | duplicates | refused by it | left without an answer |',
  );
  console.log('|---|---|---|---|---|---|');
  for (const line of arrivals.lines)
    console.log(
      `| ${line.endpoint} | ${line.wanted} | ${line.arrived} | ${line.duplicates} | ${line.refused} | ${line.hanging} |`,
    );
  const { http, batch, smtp } = ledger.acceptedMessages;
  const { offered, accepted } = report;
  const facts: [string, string][] = [
    [
      'load while it served',
      `${accepted.events} custom events/s of ${offered.events} offered, ${accepted.http} messages/s by HTTP and ${accepted.smtp} by SMTP of ${offered.messages}; ${(report.uptime_ms / 1000).toFixed(0)} s in all`,
    ],
    [
      'accepted',
      `${ledger.acceptedEvents} custom events; ${http} messages one by one, ${batch} in batches, ${smtp} by SMTP`,
    ],
    ['answer lost to a kill, asked again under its key', `${ledger.repeated} requests, each stored once`],
    [
      'answer lost for good',
      `${ledger.count('unknown')}: ${api.unknownThere} there, ${api.unknownAbsent} not, none in part`,
    ],
    [
      'answered before, repeated after a restart',
      `${ledger.asked}, ${ledger.changedAnswers.length} answered otherwise`,
    ],
    ['asked for patience (503, 451)', String(ledger.pushedBack)],
    [
      'stored in the end',
      `${api.events.length} events, ${api.messages} messages; drained in ${(report.drain_ms / 1000).toFixed(1)} s`,
    ],
    [
      'taken by an endpoint, and not yet committed at a kill',
      `${unsettled}; ${arrivals.duplicates.length} of them came again`,
    ],
    ['lines of the log at warn or above', String(report.complaints.length)],
  ];
  console.log('\n| | |\n|---|---|');
  for (const [name, value] of facts) console.log(`| ${name} | ${value} |`);
  for (const line of report.complaints.slice(0, 20)) console.log(`log: ${line}`);
}

function verdict(report: KillReport, seed: number): number {
  const { faults, rows, arrivals, accepted } = report;
  console.log();
  for (const fault of faults.slice(0, 100)) console.log(fault);
  const mail = accepted.http + accepted.smtp;
  if (faults.length > 0) {
    console.log(`FAILED: ${faults.length} faults after ${rows.length} kills (seed ${seed})`);
    return 1;
  }
  if (accepted.events < EVENTS_GOAL || mail < MESSAGES_GOAL) {
    console.log(
      `NOT PROVEN: nothing was lost, but the load was below ${EVENTS_GOAL} events/s and ${MESSAGES_GOAL} messages/s`,
    );
    return 1;
  }
  console.log(
    `PASSED: ${rows.length} kills, 0 lost, 0 events without their deliveries, ${arrivals.duplicates.length} duplicates, each of a lost acknowledgement`,
  );
  return 0;
}
