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
import { endpointStats, getDelivery, listDeliveries, queueDepth } from './queries/deliveries.ts';
import { eventsAfter, findLogPosition, getEvent, listEvents, logEnd } from './queries/events.ts';
import { getMessage, listMessages, rawMessage, unknownMessages } from './queries/messages.ts';

export const QUERIES = {
  allEndpoints,
  endpointStats,
  eventsAfter,
  findApiKey,
  findLogPosition,
  getDelivery,
  getEndpoint,
  getEvent,
  getMessage,
  getSuppression,
  listApiKeys,
  listDeliveries,
  listEndpoints,
  listEnvironments,
  listEvents,
  listMessages,
  listProjects,
  listSuppressions,
  logEnd,
  queueDepth,
  rawMessage,
  unknownMessages,
} as const;

export type QueryName = keyof typeof QUERIES;
type Rest<F> = F extends (context: never, ...args: infer A) => unknown ? A : never;
export type QueryArgs<N extends QueryName> = Rest<(typeof QUERIES)[N]>;
export type QueryResult<N extends QueryName> = ReturnType<(typeof QUERIES)[N]>;
