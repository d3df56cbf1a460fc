/** How bodies become values: JSON with its bounds, CSV as text. Nothing else is taken. */

import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { PostriderError } from '../domain/errors.ts';
import type { DoorConfig } from './door-config.ts';
import { MAX_JSON_VALUES, parseJson } from './json-guard.ts';

export function addBodyParsers(app: FastifyInstance, config: DoorConfig): void {
  const bounds = { depth: config.json_depth, values: MAX_JSON_VALUES };
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    let value: unknown;
    try {
      keepForFingerprint(request, body);
      value = body.length === 0 ? undefined : parseJson(body, bounds);
    } catch (error) {
      done(error as Error, undefined);
      return;
    }
    done(null, value);
  });
  app.addContentTypeParser('text/csv', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    keepForFingerprint(request, body);
    if (isUtf8(body)) done(null, body.length === 0 ? undefined : body.toString('utf8'));
    else done(new PostriderError('malformed_body', 'The body is not UTF-8.'), undefined);
  });
}

function keepForFingerprint(request: FastifyRequest, body: Buffer): void {
  if (request.headers['idempotency-key'] !== undefined) request.rawBody = body;
}
