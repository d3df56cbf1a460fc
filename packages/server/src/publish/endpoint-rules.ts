/** What an endpoint may be like, beyond the schema: its URL, its headers, and what this version can do. */

import { canTell } from '@postrider/contract/dialects/dialect';
import { DIALECTS } from '@postrider/contract/dialects/dialects';
import { DIALECT_NAMES, type DialectName } from '@postrider/contract/dialects/names';
import type { FieldError } from '@postrider/contract/errors';
import { endpointCreateBodySchema, endpointPatchBodySchema } from '@postrider/contract/schemas/endpoint';
import type { EndpointCreateBody, EndpointPatchBody } from '@postrider/contract/schemas/endpoint';
import { canMatchEventType, wantsEventType, type EndpointSettings } from '../domain/endpoint.ts';
import { invalid } from '../domain/errors.ts';
import { compileFilter } from '../domain/filter.ts';
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

/** The same for a patch: what is named is checked, and whether it goes with what stays. */
export function readPatch(
  body: unknown,
  policy: EndpointPolicy,
  current: EndpointSettings,
): EndpointPatchBody {
  assertValid(checkPatch, body);
  return checked(body as EndpointPatchBody, policy, current);
}

function checked<T extends EndpointPatchBody>(
  body: T,
  policy: EndpointPolicy,
  current?: EndpointSettings,
): T {
  const errors = [
    ...urlErrors(body.url, policy),
    ...eventTypeErrors(body.event_types),
    ...headerErrors(body.headers, policy),
    ...filterErrors(body.filter, policy),
    ...dialectErrors(body, current),
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
  if ((filter ?? null) === null) return [];
  const bytes = Buffer.byteLength(JSON.stringify(filter));
  if (bytes <= policy.filterBytes) return compileFilter(filter).problems;
  return [
    { path: '/filter', message: `has ${bytes} bytes; at most ${policy.filterBytes} (limits.filter_bytes)` },
  ];
}

/** Whether the dialect has batches, and names for what is asked for. */
function dialectErrors(body: EndpointPatchBody, current: EndpointSettings | undefined): FieldError[] {
  const name = body.dialect ?? current?.dialect ?? 'postrider';
  const batch = body.batch === undefined ? current?.batch : body.batch;
  const errors: FieldError[] = [];
  if ((batch ?? null) !== null && DIALECTS[name].batchContentType === null) {
    const others = DIALECT_NAMES.filter((each) => DIALECTS[each].batchContentType !== null).join(' and ');
    const message = `the dialect ${name} has no batches; set \`batch\` to null, or use one that has them: ${others}`;
    errors.push({ path: body.batch === undefined ? '/dialect' : '/batch', message });
  }
  const patterns = body.event_types ?? current?.event_types ?? [];
  for (const [index, pattern] of patterns.entries()) {
    if (tellsAny(name, pattern)) continue;
    const message = `no event of ${pattern} has a name in the dialect ${name}; ${itTells(name)}`;
    errors.push({ path: body.event_types === undefined ? '/dialect' : `/event_types/${index}`, message });
  }
  return errors;
}

function tellsAny(name: DialectName, pattern: string): boolean {
  const { types, open } = DIALECTS[name];
  return open || types === null || [...types].some((type) => wantsEventType([pattern], type));
}

function itTells(name: DialectName): string {
  return `it tells ${[...(DIALECTS[name].types ?? [])].join(', ')}`;
}

/** Why a sample of this type makes no sense at an endpoint of this dialect; null when it does. */
export function sampleProblem(name: DialectName, eventType: string): string | null {
  if (canTell(DIALECTS[name], eventType, true)) return null;
  return `has no name in the dialect ${name}, so no such event is sent to this endpoint; ${itTells(name)}`;
}
