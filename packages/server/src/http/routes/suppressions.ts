/** `/v1/suppressions`: addresses that are not mailed. */

import {
  SUPPRESSION_REASONS,
  type SuppressionBatchBody,
  type SuppressionBody,
  suppressionListSchema,
  suppressionSchema,
  suppressionsAddedSchema,
  suppressionsBodySchema,
} from '@postrider/contract/schemas/suppression';
import { Readable } from 'node:stream';
import type { SuppressionReason } from '@postrider/contract/events';
import type { FieldError } from '@postrider/contract/errors';
import { answerSchema, COUNT } from '@postrider/contract/schemas/json-schema';
import type { FastifyRequest } from 'fastify';
import { parseAddrSpec } from '../../accept/address.ts';
import { invalid } from '../../domain/errors.ts';
import type { Environment } from '../../domain/tenancy.ts';
import { canonicalRecipient } from '../canonical-recipient.ts';
import { choiceParameter, PAGE_PARAMETERS, pageOf, textParameter } from '../query-string.ts';
import { addRoute, idempotency, type RouteContext } from '../route.ts';
import type { IdempotencyInput, SuppressionRecord, SuppressionService } from '../services.ts';
import { CSV_HEADER, readSuppressionCsv, suppressionLine } from '../suppression-csv.ts';

const PARAMS = { address: { kind: 'suppression', description: 'The address, percent-encoded.' } };
const TAG = 'Suppressions';
const importedSchema = answerSchema({ imported: COUNT });
/** Checked in one go, so it also bounds how long others wait. */
const MAX_IMPORT_ROWS = 20_000;
/** Addresses in one commit. */
const IMPORT_CHUNK = 500;
const EXPORT_PAGE = 100;

function addressOf(request: FastifyRequest): string {
  return canonicalRecipient((request.params as { address: string }).address);
}

export function addSuppressionRoutes(context: RouteContext): void {
  addSuppressionList(context);
  addOneSuppression(context);
  addSuppressionTables(context);
}

function publicSuppression(record: SuppressionRecord): object {
  return {
    address: record.address,
    reason: record.reason,
    event_id: record.event_id,
    created_at: new Date(record.created_at).toISOString(),
  };
}

function addSuppressionList(context: RouteContext): void {
  const { suppressions } = context.services;
  addRoute(context, {
    method: 'GET',
    url: '/v1/suppressions',
    summary: 'List suppressed addresses',
    tag: TAG,
    access: 'read',
    query: {
      reason: choiceParameter(SUPPRESSION_REASONS, 'With this reason.'),
      q: textParameter('Text in the address.'),
      ...PAGE_PARAMETERS,
    },
    answers: { 200: { description: 'A page of suppressions.', schema: suppressionListSchema } },
    async handler(request, _reply, { limit, cursor, ...filter }) {
      const page = await suppressions.list(request.environment, filter, pageOf({ limit, cursor }));
      return { data: page.data.map(publicSuppression), next_cursor: page.next_cursor };
    },
  });
  addRoute(context, {
    method: 'POST',
    url: '/v1/suppressions',
    summary: 'Suppress addresses',
    description: 'One, or `{"suppressions": […]}`. An address already on the list keeps its first reason.',
    tag: TAG,
    access: 'manage',
    body: { schema: suppressionsBodySchema, kind: 'required', checkedBy: 'door' },
    creates: true,
    answers: { 201: { description: 'The suppressions as they stand.', schema: suppressionsAddedSchema } },
    async handler(request, reply) {
      const body = request.body as SuppressionBody | SuppressionBatchBody;
      const items = readItems('suppressions' in body ? body.suppressions : [body], 'suppressions' in body);
      const { data } = await suppressions.add(request.environment, items, idempotency(request));
      reply.code(201);
      return { data: data.map(publicSuppression) };
    },
  });
}

/** Addresses in their one spelling. Throws `validation_failed` naming each that is none. */
function readItems(
  items: readonly SuppressionBody[],
  isList: boolean,
): { address: string; reason: SuppressionReason }[] {
  const errors: FieldError[] = [];
  const read = items.map(({ address, reason = 'manual' }, index) => {
    const parsed = parseAddrSpec(address);
    if (parsed.ok) return { address: parsed.address, reason };
    const path = isList ? `/suppressions/${index}/address` : '/address';
    errors.push({ path, message: `the address ${parsed.reason}` });
    return { address, reason };
  });
  if (errors.length > 0) throw invalid(errors.slice(0, 50));
  return read;
}

function addOneSuppression(context: RouteContext): void {
  const { suppressions } = context.services;
  const lookup = (request: FastifyRequest): Promise<unknown> =>
    suppressions.get(request.environment, addressOf(request));
  addRoute(context, {
    method: 'GET',
    url: '/v1/suppressions/:address',
    summary: 'Show why an address is suppressed',
    tag: TAG,
    access: 'read',
    params: PARAMS,
    lookup,
    answers: { 200: { description: 'The suppression.', schema: suppressionSchema } },
    handler: async (request) => publicSuppression(request.found as SuppressionRecord),
  });
  addRoute(context, {
    method: 'DELETE',
    url: '/v1/suppressions/:address',
    summary: 'Mail an address again',
    tag: TAG,
    access: 'manage',
    params: PARAMS,
    lookup,
    answers: { 204: { description: 'Removed.' } },
    async handler(request, reply) {
      await suppressions.remove(request.environment, addressOf(request));
      return reply.code(204).send();
    },
  });
}

function addSuppressionTables(context: RouteContext): void {
  const { suppressions } = context.services;
  addRoute(context, {
    method: 'GET',
    url: '/v1/suppressions/export',
    summary: 'Download all suppressions as CSV',
    tag: TAG,
    access: 'read',
    head: false,
    answers: { 200: { description: 'address,reason,event_id,created_at', contentType: 'text/csv' } },
    handler: async (request, reply) =>
      reply
        .header('content-type', 'text/csv; charset=utf-8; header=present')
        .header('content-disposition', 'attachment; filename="suppressions.csv"')
        .send(Readable.from(exported(suppressions, request.environment))),
  });
  addRoute(context, {
    method: 'POST',
    url: '/v1/suppressions/import',
    summary: 'Suppress the addresses of a CSV',
    description: `Up to ${MAX_IMPORT_ROWS} rows. All lines are checked before the first address is added; \`reason\` is \`manual\` where there is none.`,
    tag: TAG,
    access: 'manage',
    csvBody: true,
    creates: true,
    answers: { 200: { description: 'How many addresses are on the list by it.', schema: importedSchema } },
    async handler(request) {
      const items = readSuppressionCsv(request.body as string, MAX_IMPORT_ROWS);
      const idem = idempotency(request);
      for (let at = 0; at < items.length; at += IMPORT_CHUNK)
        await suppressions.add(request.environment, items.slice(at, at + IMPORT_CHUNK), chunkKey(idem, at));
      return { imported: items.length };
    },
  });
}

/** Adding is repeatable by itself; the keys make a repeated import of another table a conflict. */
function chunkKey(idempotency: IdempotencyInput | null, at: number): IdempotencyInput | null {
  return idempotency === null || at === 0 ? idempotency : { ...idempotency, key: `${idempotency.key}#${at}` };
}

async function* exported(suppressions: SuppressionService, environment: Environment): AsyncGenerator<string> {
  yield CSV_HEADER;
  let cursor: string | null = null;
  do {
    const page = await suppressions.list(
      environment,
      { reason: null, q: null },
      { limit: EXPORT_PAGE, cursor },
    );
    yield page.data.map(suppressionLine).join('');
    cursor = page.next_cursor;
  } while (cursor !== null);
}
