/** What an endpoint may be like, beyond the schema: its URL, its headers, and what this version can do. */

import type { FieldError } from '@postrider/contract/errors';
import { endpointCreateBodySchema, endpointPatchBodySchema } from '@postrider/contract/schemas/endpoint';
import type { EndpointCreateBody, EndpointPatchBody } from '@postrider/contract/schemas/endpoint';
import { canMatchEventType } from '../domain/endpoint.ts';
import { invalid } from '../domain/errors.ts';
import { assertValid, compileSchema } from '../domain/validator.ts';
import type { AddressRules } from './address.ts';
import { urlProblem, type UrlPolicy } from './url-rules.ts';

export interface EndpointPolicy {
  addresses: AddressRules;
  url: UrlPolicy;
  /** Bytes of names and values of an endpoint's own headers, in all. */
  headerBytes: number;
  /** Bytes of its filter as JSON text. */
  filterBytes: number;
}

const checkCreate = compileSchema(endpointCreateBodySchema);
const checkPatch = compileSchema(endpointPatchBodySchema);

/** Headers that Postrider or HTTP itself sets. */
const RESERVED: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
]);
const RESERVED_PREFIXES = ['webhook-', 'postrider-', 'x-sendarix-', 'proxy-'];

/** Throws `validation_failed` with everything that is wrong with the body of a create. */
export function readCreate(body: unknown, policy: EndpointPolicy): EndpointCreateBody {
  assertValid(checkCreate, body);
  return checked(body as EndpointCreateBody, policy);
}

/** The same for a patch: what is named is checked. */
export function readPatch(body: unknown, policy: EndpointPolicy): EndpointPatchBody {
  assertValid(checkPatch, body);
  return checked(body as EndpointPatchBody, policy);
}

function checked<T extends EndpointPatchBody>(body: T, policy: EndpointPolicy): T {
  const errors = [
    ...urlErrors(body.url, policy),
    ...eventTypeErrors(body.event_types),
    ...headerErrors(body.headers, policy),
    ...filterErrors(body.filter, policy),
    ...notYet(body),
  ];
  if (errors.length > 0) throw invalid(errors);
  return body;
}

function urlErrors(url: string | undefined, policy: EndpointPolicy): FieldError[] {
  const problem = url === undefined ? null : urlProblem(url, policy.url, policy.addresses);
  return problem === null ? [] : [{ path: '/url', message: problem }];
}

/** A pattern that nothing can match is a misspelling, and an endpoint that silently gets nothing. */
function eventTypeErrors(patterns: readonly string[] | undefined): FieldError[] {
  const message =
    'matches no event type; use one such as `delivered`, a prefix such as `custom.*` or `endpoint.*`, or `*`';
  return (patterns ?? []).flatMap((pattern, index) =>
    canMatchEventType(pattern) ? [] : [{ path: `/event_types/${index}`, message }],
  );
}

function headerErrors(headers: Record<string, string> | undefined, policy: EndpointPolicy): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  let bytes = 0;
  for (const [name, value] of Object.entries(headers ?? {})) {
    const lower = name.toLowerCase();
    const path = `/headers/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (RESERVED.has(lower) || RESERVED_PREFIXES.some((prefix) => lower.startsWith(prefix))) {
      errors.push({ path, message: 'is set by Postrider itself; leave it out' });
    }
    if (seen.has(lower)) errors.push({ path, message: 'is named twice; header names do not differ by case' });
    seen.add(lower);
    bytes += name.length + value.length;
  }
  if (bytes > policy.headerBytes) {
    const message = `has ${bytes} bytes in all; at most ${policy.headerBytes} (limits.endpoint_header_bytes)`;
    errors.push({ path: '/headers', message });
  }
  return errors;
}

function filterErrors(filter: EndpointPatchBody['filter'], policy: EndpointPolicy): FieldError[] {
  const bytes = Buffer.byteLength(JSON.stringify(filter ?? null));
  if (bytes <= policy.filterBytes) return [];
  return [
    { path: '/filter', message: `has ${bytes} bytes; at most ${policy.filterBytes} (limits.filter_bytes)` },
  ];
}

/** Fields of the API that this version does not act on are refused, never taken and ignored. */
function notYet(body: EndpointPatchBody): FieldError[] {
  const asked = {
    filter: (body.filter ?? null) !== null,
    rate_limit: (body.rate_limit ?? null) !== null,
    ordering: (body.ordering ?? 'none') !== 'none',
    batch: (body.batch ?? null) !== null,
  };
  return Object.entries(asked)
    .filter(([, isAsked]) => isAsked)
    .map(([name]) => ({ path: `/${name}`, message: 'is not supported by this version; leave it out' }));
}
