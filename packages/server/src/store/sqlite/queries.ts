/** The reader thread's table of queries. */

import {
  allEndpoints,
  findApiKey,
  getEndpoint,
  getSuppression,
  listApiKeys,
  listEndpoints,
  listEnvironments,
  listProjects,
  listSuppressions,
} from './queries/access.ts';
import { findDeliveries } from './queries/bulk.ts';
import { lanesOf, lastCheckpoint, listCheckpoints } from './queries/checkpoints.ts';
import { endpointStats, getDelivery, listDeliveries, queueDepth } from './queries/deliveries.ts';
import { eventsAfter, findLogPosition, getEvent, listEvents, logEnd } from './queries/events.ts';
import { readFeed, readLane } from './queries/feed.ts';
import { getMessage, listMessages, rawMessage, unknownMessages } from './queries/messages.ts';
import { findReplayable, getReplay, listReplays, replayEnd, unfinishedReplays } from './queries/replays.ts';

export const QUERIES = {
  allEndpoints,
  endpointStats,
  eventsAfter,
  findApiKey,
  findDeliveries,
  findLogPosition,
  findReplayable,
  getDelivery,
  getEndpoint,
  getEvent,
  getMessage,
  getReplay,
  getSuppression,
  lanesOf,
  lastCheckpoint,
  listApiKeys,
  listCheckpoints,
  listDeliveries,
  listEndpoints,
  listEnvironments,
  listEvents,
  listMessages,
  listProjects,
  listReplays,
  listSuppressions,
  logEnd,
  queueDepth,
  rawMessage,
  readFeed,
  readLane,
  replayEnd,
  unfinishedReplays,
  unknownMessages,
} as const;

export type QueryName = keyof typeof QUERIES;

/**
 * What may look through a whole history or queue. `limited`: a caller waits for it, who can ask for less; the others
 * are steps of work that has to come to its end.
 */
const LONG: ReadonlyMap<QueryName, 'limited' | 'unlimited'> = new Map([
  ['endpointStats', 'unlimited'],
  ['findDeliveries', 'unlimited'],
  ['findReplayable', 'unlimited'],
  ['listDeliveries', 'limited'],
  ['listEvents', 'limited'],
  ['listMessages', 'limited'],
  ['listSuppressions', 'limited'],
  ['queueDepth', 'unlimited'],
  // In a row, through all that a checkpoint covers.
  ['readLane', 'unlimited'],
  ['replayEnd', 'unlimited'],
]);

export function isLong(name: QueryName): boolean {
  return LONG.has(name);
}

export function isLimited(name: QueryName): boolean {
  return LONG.get(name) === 'limited';
}

type Rest<F> = F extends (context: never, ...args: infer A) => unknown ? A : never;
export type QueryArgs<N extends QueryName> = Rest<(typeof QUERIES)[N]>;
export type QueryResult<N extends QueryName> = ReturnType<(typeof QUERIES)[N]>;
