/** A MIME message as a download: never rendered by a browser, whatever is in it. */

import type { FastifyReply } from 'fastify';

export function sendMime(reply: FastifyReply, messageId: string, raw: Uint8Array): FastifyReply {
  return reply
    .header('content-type', 'message/rfc822')
    .header('content-disposition', `attachment; filename="${messageId}.eml"`)
    .header('x-content-type-options', 'nosniff')
    .send(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength));
}
