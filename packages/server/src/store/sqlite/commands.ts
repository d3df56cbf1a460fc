/** The writer's table of commands: each runs inside a transaction, with the writer's context. */

import { acceptMessage, cancelMessage } from './commands/accept.ts';
import { advanceClock, createApiKey, createProject, revokeApiKey } from './commands/access.ts';
import { discardDeliveries, retryDeliveries } from './commands/bulk.ts';
import { addCheckpoints } from './commands/checkpoints.ts';
import { discardDelivery, discardLane, retryDelivery } from './commands/deliveries.ts';
import { createEndpoint, deleteEndpoint, updateEndpoint } from './commands/endpoints.ts';
import { expireHeld, hastenLane } from './commands/held.ts';
import {
  hasBlocked,
  loadFresh,
  loadHead,
  loadInOrder,
  loadRetries,
  loadUrgent,
  nextRetryAt,
  parkLane,
} from './commands/loading.ts';
import { recordEvents } from './commands/events.ts';
import { claimOutgoing, nextOutgoingAt, recordOutcomes } from './commands/outgoing.ts';
import { probe } from './commands/probe.ts';
import { purge, purgeIdempotency } from './commands/purge.ts';
import { createReplay, endReplay, queueReplay, withdrawReplay } from './commands/replays.ts';
import { settle, settleDelivered } from './commands/settling.ts';
import { addSuppressions, removeSuppression } from './commands/suppressions.ts';

export const COMMANDS = {
  acceptMessage,
  addCheckpoints,
  addSuppressions,
  advanceClock,
  cancelMessage,
  claimOutgoing,
  createApiKey,
  createEndpoint,
  createProject,
  createReplay,
  deleteEndpoint,
  discardDeliveries,
  discardDelivery,
  discardLane,
  endReplay,
  expireHeld,
  hasBlocked,
  hastenLane,
  loadFresh,
  loadHead,
  loadInOrder,
  loadRetries,
  loadUrgent,
  nextOutgoingAt,
  nextRetryAt,
  parkLane,
  probe,
  purge,
  purgeIdempotency,
  queueReplay,
  recordEvents,
  recordOutcomes,
  removeSuppression,
  retryDeliveries,
  retryDelivery,
  revokeApiKey,
  settle,
  settleDelivered,
  updateEndpoint,
  withdrawReplay,
} as const;

export type CommandName = keyof typeof COMMANDS;
type Rest<F> = F extends (context: never, ...args: infer A) => unknown ? A : never;
export type CommandArgs<N extends CommandName> = Rest<(typeof COMMANDS)[N]>;
export type CommandResult<N extends CommandName> = ReturnType<(typeof COMMANDS)[N]>;
