/** The files in `vectors/providers`, and the requests they stand for; for the test suite and for long runs. */

import { decodeBase64 } from '../base64.ts';
import type { FuzzSeed } from './fuzz.ts';
import type { NormalizedEvent, ProviderCredentials, ProviderEnv, Reading } from './provider.ts';

export interface VectorRequest {
  description: string;
  method: string;
  url: string;
  headers: [string, string][];
  /** One of these: the text, or the bytes where they are none. */
  body?: string;
  body_base64?: string;
  /** These three instead of the file's. */
  credentials?: ProviderCredentials;
  now_ms?: number;
  fetch?: Record<string, string>;
  /** `ok`, or the reason of the refusal. */
  verify: string;
  replay_key?: string;
  probe?: boolean;
  event_types?: string[];
  reading?: Reading;
}

export interface ProviderVectors {
  credentials: ProviderCredentials;
  now_ms: number;
  /** What the fetcher answers, by URL. */
  fetch?: Record<string, string>;
  requests: VectorRequest[];
  /** Bodies and what they read as; not signed. */
  events: { headers?: [string, string][]; body: string; expected: NormalizedEvent[] }[];
}

export function vectorRequest(
  vector: Partial<Pick<VectorRequest, 'method' | 'url' | 'headers' | 'body' | 'body_base64'>>,
): FuzzSeed['request'] {
  const { method = 'POST', url = 'https://hooks.example.com/in/tok_1', headers = [], body = '' } = vector;
  const bytes = vector.body_base64 === undefined ? null : decodeBase64(vector.body_base64);
  return { method, url, headers, rawBody: bytes ?? new TextEncoder().encode(body) };
}

export function vectorEnv(vectors: ProviderVectors, vector: Partial<VectorRequest> = {}): ProviderEnv {
  const answers = new Map(Object.entries(vector.fetch ?? vectors.fetch ?? {}));
  return {
    now: vector.now_ms ?? vectors.now_ms,
    fetchText: (url) => {
      const answer = answers.get(url);
      return answer === undefined
        ? Promise.reject(new Error(`not in the vectors: ${url}`))
        : Promise.resolve(answer);
    },
  };
}

/**
 * Requests that verify, to be mutated. Not those that a password alone vouches for beside a signature: nothing of
 * their bodies is covered.
 */
export function fuzzSeeds(vectors: ProviderVectors): FuzzSeed[] {
  return vectors.requests
    .filter(({ verify, credentials }) => verify === 'ok' && credentials?.password === undefined)
    .map((vector) => ({
      request: vectorRequest(vector),
      credentials: vector.credentials ?? vectors.credentials,
      env: vectorEnv(vectors, vector),
    }));
}
