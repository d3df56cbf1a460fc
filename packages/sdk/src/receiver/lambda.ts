/**
 * AWS Lambda behind API Gateway (payload formats 1.0 and 2.0) or a function URL (2.0):
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html.
 * Nothing runs after the answer there, so give the receiver a `queue`, or `run: 'manual'` and call `drain()` on a schedule.
 */

import type { Receiver } from './receiver.ts';
import type { WebhookRequest } from './scheme.ts';

export interface LambdaEventV1 {
  httpMethod: string;
  path: string;
  headers?: Record<string, string | undefined> | null;
  multiValueHeaders?: Record<string, string[] | undefined> | null;
  multiValueQueryStringParameters?: Record<string, string[] | undefined> | null;
  requestContext: { domainName?: string; path?: string; identity?: { sourceIp?: string } };
  body: string | null;
  isBase64Encoded: boolean;
}

export interface LambdaEventV2 {
  version: '2.0';
  rawPath: string;
  rawQueryString?: string;
  headers?: Record<string, string | undefined>;
  requestContext: { domainName?: string; http: { method: string; sourceIp?: string } };
  body?: string;
  isBase64Encoded: boolean;
}

export interface LambdaAnswer {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
}

export function lambdaHandler(
  receiver: Pick<Receiver, 'receive'>,
): (event: LambdaEventV1 | LambdaEventV2) => Promise<LambdaAnswer> {
  return async (event) => {
    const request = 'rawPath' in event ? fromV2(event) : fromV1(event);
    const { status, headers, body } = await receiver.receive(request);
    return { statusCode: status, headers, body };
  };
}

function fromV2({
  requestContext,
  rawPath,
  rawQueryString = '',
  headers = {},
  ...event
}: LambdaEventV2): WebhookRequest {
  const { domainName = '', http } = requestContext;
  const url = `https://${domainName}${rawPath}${rawQueryString === '' ? '' : `?${rawQueryString}`}`;
  return { method: http.method, url, headers, rawBody: bytesOf(event), ip: http.sourceIp };
}

/** Headers with all their values, where they are: one that is there twice is refused, not the last one believed. */
function fromV1({ requestContext, ...event }: LambdaEventV1): WebhookRequest {
  const query = new URLSearchParams();
  for (const [name, values = []] of Object.entries(event.multiValueQueryStringParameters ?? {}))
    for (const value of values) query.append(name, value);
  const search = query.size === 0 ? '' : `?${query.toString()}`;
  const url = `https://${requestContext.domainName ?? ''}${requestContext.path ?? event.path}${search}`;
  const headers = event.multiValueHeaders ?? event.headers ?? {};
  return {
    method: event.httpMethod,
    url,
    headers,
    rawBody: bytesOf(event),
    ip: requestContext.identity?.sourceIp,
  };
}

function bytesOf({ body, isBase64Encoded }: { body?: string | null; isBase64Encoded: boolean }): Uint8Array {
  const text = body ?? '';
  if (!isBase64Encoded) return new TextEncoder().encode(text);
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
