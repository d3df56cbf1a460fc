/** What a failed submission means to an SMTP client: try again, or never. */

import { PostriderError } from '../domain/errors.ts';
import { reply, type Reply } from './replies.ts';

/**
 * A temporary failure (4xx) keeps the message with the client, a permanent one (5xx) returns it to its sender. An
 * error that nobody foresaw is temporary: the client still has the only copy.
 */
export function submissionReply(error: unknown): Reply {
  if (!(error instanceof PostriderError)) return reply('store_trouble');
  switch (error.code) {
    case 'shutting_down':
      return reply('closing_soon');
    case 'message_too_large':
      return reply('message_too_large', error.message);
    case 'no_transport':
      return reply('no_transport', error.message);
    case 'unauthorized':
    case 'insufficient_scope':
      return reply('not_allowed', error.message);
    default:
      return error.status === 429 || error.status >= 500
        ? reply('store_trouble')
        : reply('refused_message', error.message);
  }
}

/** Whether the operator has to look: nothing the client did explains this error. */
export function isUnexpected(error: unknown): boolean {
  return !(error instanceof PostriderError) || error.code === 'internal';
}
