/** The writer's table of commands: each runs inside a transaction, with the writer's context. */

import { acceptMessage, cancelMessage, recordEvents } from './commands/accept.ts';
import { advanceClock, createApiKey, createProject, revokeApiKey } from './commands/access.ts';
import { discardDelivery, discardLane, retryDelivery } from './commands/deliveries.ts';
import { createEndpoint, deleteEndpoint, updateEndpoint } from './commands/endpoints.ts';
import { expireHeld, hastenLane } from './commands/held.ts';
import {
  hasBlocked,
  loadFresh,
  loadHead,
  loadRetries,
  loadUrgent,
  nextRetryAt,
  parkLane,
} from './commands/loading.ts';
import { claimOutgoing, nextOutgoingAt, recordOutcomes } from './commands/outgoing.ts';
import { probe } from './commands/probe.ts';
import { purge, purgeIdempotency } from './commands/purge.ts';
import { settle, settleDelivered } from './commands/settling.ts';
import { addSuppressions, removeSuppression } from './commands/suppressions.ts';

export const COMMANDS = {
  acceptMessage,
  addSuppressions,
  advanceClock,
  cancelMessage,
  claimOutgoing,
  createApiKey,
  createEndpoint,
  createProject,
  deleteEndpoint,
  discardDelivery,
  discardLane,
  expireHeld,
  hasBlocked,
  hastenLane,
  loadFresh,
  loadHead,
  loadRetries,
  loadUrgent,
  nextOutgoingAt,
  nextRetryAt,
  parkLane,
  probe,
  purge,
  purgeIdempotency,
  recordEvents,
  recordOutcomes,
  removeSuppression,
  retryDelivery,
  revokeApiKey,
  settle,
  settleDelivered,
  updateEndpoint,
} as const;

export type CommandName = keyof typeof COMMANDS;
type Rest<F> = F extends (context: never, ...args: infer A) => unknown ? A : never;
export type CommandArgs<N extends CommandName> = Rest<(typeof COMMANDS)[N]>;
export type CommandResult<N extends CommandName> = ReturnType<(typeof COMMANDS)[N]>;
