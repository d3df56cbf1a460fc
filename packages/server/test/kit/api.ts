/** A client of the HTTP door, as small as `fetch` allows. */

import type { EventEnvelope } from '@postrider/contract/events';
import type { ApiKeyCreated } from '@postrider/contract/schemas/access';
import type { DeliveryDetail, DeliveryObject } from '@postrider/contract/schemas/delivery';
import type { EndpointCreateBody, EndpointObject } from '@postrider/contract/schemas/endpoint';
import type { MessageAccepted, MessageBody, MessageObject } from '@postrider/contract/schemas/message';
import type { SuppressionObject } from '@postrider/contract/schemas/suppression';

export interface Answer<T = unknown> {
  status: number;
  headers: Headers;
  /** The body as it came. */
  text: string;
  /** The body as JSON; undefined when it is none. */
  body: T;
}

export interface CallOptions {
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is; give the content type with it. */
  raw?: string | Uint8Array<ArrayBuffer>;
  headers?: Record<string, string>;
}

/** An answer other than 2xx where the test wanted one. */
export class Refused extends Error {
  readonly answer: Answer;
  constructor(call: string, answer: Answer) {
    super(`${call} answered ${answer.status}: ${answer.text}`);
    this.answer = answer;
  }
}

export class Api {
  readonly base: string;
  readonly key: string | null;

  constructor(base: string, key: string | null) {
    this.base = base;
    this.key = key;
  }

  /** Whatever the answer is. */
  async call<T = unknown>(method: string, path: string, options: CallOptions = {}): Promise<Answer<T>> {
    const headers: Record<string, string> = { ...options.headers };
    if (this.key !== null) headers['authorization'] ??= `Bearer ${this.key}`;
    if (options.json !== undefined) headers['content-type'] ??= 'application/json';
    const body = options.json === undefined ? options.raw : JSON.stringify(options.json);
    const response = await fetch(new URL(path, this.base), {
      method,
      headers,
      redirect: 'manual',
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parsed(text) as T };
  }

  /** The body of a 2xx answer; rejects with `Refused` for any other. */
  async ok<T = unknown>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const answer = await this.call<T>(method, path, options);
    if (answer.status < 200 || answer.status > 299) throw new Refused(`${method} ${path}`, answer);
    return answer.body;
  }

  get<T>(path: string): Promise<T> {
    return this.ok<T>('GET', path);
  }

  post<T>(path: string, json?: unknown, headers: Record<string, string> = {}): Promise<T> {
    return this.ok<T>('POST', path, { headers, ...(json === undefined ? {} : { json }) });
  }

  /** Every item of a list, over all its pages. */
  async all<T>(path: string, limit = 100): Promise<T[]> {
    const items: T[] = [];
    const url = new URL(path, this.base);
    url.searchParams.set('limit', String(limit));
    for (;;) {
      const page = await this.get<{ data: T[]; next_cursor: string | null }>(url.pathname + url.search);
      items.push(...page.data);
      if (page.next_cursor === null) return items;
      url.searchParams.set('cursor', page.next_cursor);
    }
  }

  /** Bytes of a download. */
  async bytes(path: string): Promise<Buffer> {
    const response = await fetch(new URL(path, this.base), {
      headers: this.key === null ? {} : { authorization: `Bearer ${this.key}` },
    });
    if (response.status !== 200) throw new Error(`GET ${path} answered ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  }

  /** A message with everything it needs but what the test cares about. */
  send(message: Partial<MessageBody>, headers: Record<string, string> = {}): Promise<MessageAccepted> {
    return this.post('/v1/messages', mail(message), headers);
  }

  createEndpoint(body: EndpointCreateBody): Promise<EndpointObject & { secret: string }> {
    return this.post('/v1/endpoints', body);
  }

  createKey(name: string, scopes: string[]): Promise<ApiKeyCreated> {
    return this.post('/v1/api-keys', { name, scopes });
  }

  message(message_id: string): Promise<MessageObject> {
    return this.get(`/v1/messages/${message_id}`);
  }

  /** In the order in which they happened. */
  async events(query = ''): Promise<EventEnvelope[]> {
    return (await this.all<EventEnvelope>(`/v1/events${query}`)).toReversed();
  }

  deliveries(query = ''): Promise<DeliveryObject[]> {
    return this.all(`/v1/deliveries${query}`);
  }

  delivery(delivery_id: string): Promise<DeliveryDetail> {
    return this.get(`/v1/deliveries/${delivery_id}`);
  }

  suppressions(): Promise<SuppressionObject[]> {
    return this.all('/v1/suppressions');
  }

  /** Moves the sandbox's clock; everything due on the way has been played when it resolves. */
  advance(seconds: number): Promise<{ now: string; offset_ms: number }> {
    return this.post('/v1/sandbox/clock/advance', { seconds });
  }
}

/** A complete message; `part` wins. */
export function mail(part: Partial<MessageBody>): MessageBody {
  return {
    from: 'Shop <shop@example.com>',
    to: 'delivered@sandbox.test',
    subject: 'Hello',
    text: 'Hi.',
    ...part,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not every answer is JSON: pages, MIME, CSV, nothing at all.
    return undefined;
  }
}
