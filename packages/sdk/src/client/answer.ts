/** Answers as they are read: bounded, and checked before anything is believed of them. */

import { ERRORS, type ErrorCode, type FieldError, type Problem } from '@postrider/contract/errors';
import { PostriderApiError, PostriderConnectionError, PostriderGoneError } from './errors.ts';
import { retryAfterSeconds } from './retry.ts';

/** More than the largest answer there is: a message with its content. A server that never ends is cut off here. */
const MOST_BYTES = 128 * 1024 * 1024;
const MOST_BYTES_OF_ERROR = 256 * 1024;
const SHOWN = 200;
const SHOWN_FIELDS = 5;

/** The body as it comes. By its reader: not every browser can iterate a stream. Cancels it when left early. */
export async function* chunksOf(response: Response): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      ended = done;
      if (done) return;
      yield value as Uint8Array;
    }
  } finally {
    // A stream that broke rejects the cancel as well; what broke it is already on its way.
    if (!ended) await reader.cancel().catch(() => undefined);
  }
}

export async function readBytes(response: Response, call: string): Promise<Uint8Array<ArrayBuffer>> {
  const { bytes, isWhole } = await readStart(response, MOST_BYTES);
  if (isWhole) return bytes;
  const what = `the answer is longer than ${MOST_BYTES} bytes.`;
  throw new PostriderConnectionError(call, 'unexpected_answer', what);
}

/** No more than about `most` bytes; the rest is not waited for. */
async function readStart(
  response: Response,
  most: number,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; isWhole: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunksOf(response)) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > most) break;
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return { bytes, isWhole: size <= most };
}

/** The answer as a JSON object. */
export async function readObject<T>(response: Response, call: string): Promise<T> {
  const text = new TextDecoder().decode(await readBytes(response, call));
  const value = parsed(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as T;
  const type = response.headers.get('content-type') ?? 'no content type';
  throw new PostriderConnectionError(
    call,
    'unexpected_answer',
    `answered ${response.status} with what is no JSON object (${type}): ${excerpt(text)}. Check that \`url\` is the address of a Postrider server.`,
  );
}

/** A refusal as an error; `scrub` takes out what must not be shown. */
export async function refusal(
  response: Response,
  call: string,
  scrub: (text: string) => string,
): Promise<PostriderApiError> {
  const { bytes } = await readStart(response, MOST_BYTES_OF_ERROR);
  const text = scrub(new TextDecoder().decode(bytes));
  const problem = problemIn(text);
  const detail = problem?.detail ?? (text.trim() === '' ? 'there is no body' : excerpt(text));
  const code = problem?.code ?? null;
  const errors = problem?.errors ?? [];
  const fields = {
    call,
    status: response.status,
    code,
    detail,
    errors,
    retry_after: retryAfterSeconds(response.headers.get('retry-after'), Date.now()),
    request_id: problem?.instance ?? null,
    message: messageOf(call, response.status, code, detail, errors),
  };
  if (response.status !== 410) return new PostriderApiError(fields);
  const earliest = problem?.earliest_seq;
  return new PostriderGoneError(fields, typeof earliest === 'number' ? earliest : null);
}

function messageOf(
  call: string,
  status: number,
  code: ErrorCode | null,
  detail: string,
  errors: readonly FieldError[],
): string {
  if (code === null)
    return `${call} answered ${status}, not in the words of Postrider: ${detail}. Look at what stands between here and the server, and that \`url\` is right.`;
  const more = errors.length > SHOWN_FIELDS ? ` And ${errors.length - SHOWN_FIELDS} more in \`errors\`.` : '';
  const fields = errors
    .slice(0, SHOWN_FIELDS)
    .map(({ path, message }) => ` ${path || '(body)'}: ${message}.`);
  // A newer server may have codes that are not in this catalogue.
  const remedy = Object.hasOwn(ERRORS, code) ? ` ${ERRORS[code].remedy}` : '';
  return `${call} answered ${status} ${code}: ${detail}${fields.join('')}${more}${remedy}`;
}

/** Null when the text is no problem document. */
function problemIn(text: string): Problem | null {
  const value = parsed(text) as Partial<Record<keyof Problem, unknown>> | null | undefined;
  if (typeof value?.code !== 'string' || typeof value.detail !== 'string') return null;
  const errors = Array.isArray(value.errors) ? value.errors.filter(isFieldError) : [];
  return { ...(value as unknown as Problem), errors };
}

function isFieldError(value: unknown): value is FieldError {
  const { path, message } = (value ?? {}) as Partial<Record<keyof FieldError, unknown>>;
  return typeof path === 'string' && typeof message === 'string';
}

/** Undefined when it is no JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function excerpt(text: string): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line;
}
