/** `@postrider/sdk`: the API of a Postrider server as typed calls. Wherever there is `fetch` and Web Crypto. */

import { Transport, type Fetch } from './transport.ts';
import { ApiKeys } from './resources/api-keys.ts';
import { Deliveries } from './resources/deliveries.ts';
import { Endpoints } from './resources/endpoints.ts';
import { Events } from './resources/events.ts';
import { Messages } from './resources/messages.ts';
import { Projects } from './resources/projects.ts';
import { Replays } from './resources/replays.ts';
import { Sandbox } from './resources/sandbox.ts';
import { Suppressions } from './resources/suppressions.ts';

export { digestOf } from './checkpoints.ts';
export { PostriderApiError, PostriderConnectionError, PostriderGoneError } from './errors.ts';

export interface ClientOptions {
  /** Of the server: `https://mail.example.com`, with a path where it is behind one. */
  url: string;
  /** `pr_live_…`, `pr_test_…`, or `pr_admin_…` for projects. */
  apiKey: string;
  /** The global one when absent. */
  fetch?: Fetch;
  /** For each try, until the whole answer is there; 60,000 when absent. */
  timeout_ms?: number;
  /** Tries after the first; 4 when absent. */
  retries?: number;
}

export interface PostriderClient {
  readonly messages: Messages;
  readonly events: Events;
  readonly endpoints: Endpoints;
  readonly deliveries: Deliveries;
  readonly replays: Replays;
  readonly suppressions: Suppressions;
  readonly apiKeys: ApiKeys;
  readonly sandbox: Sandbox;
  readonly projects: Projects;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_RETRIES = 4;
const MOST_RETRIES = 20;
/** What a timer takes. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** Nothing is sent yet. Throws a TypeError that names the option when one cannot be right. */
export function createClient(options: ClientOptions): PostriderClient {
  const { timeout_ms = DEFAULT_TIMEOUT_MS, retries = DEFAULT_RETRIES } = options;
  if (!(timeout_ms > 0 && timeout_ms <= LONGEST_TIMEOUT_MS))
    throw new TypeError(`timeout_ms must be a number of milliseconds up to ${LONGEST_TIMEOUT_MS}`);
  if (!Number.isInteger(retries) || retries < 0 || retries > MOST_RETRIES)
    throw new TypeError(`retries must be a whole number from 0 to ${MOST_RETRIES}`);
  const transport = new Transport({
    base: baseOf(options.url),
    apiKey: checkedKey(options.apiKey),
    // Called without a receiver: browsers refuse `fetch` as the method of another object.
    fetch: options.fetch ?? ((url, init) => globalThis.fetch(url, init)),
    timeout_ms,
    retries,
  });
  return {
    messages: new Messages(transport),
    events: new Events(transport),
    endpoints: new Endpoints(transport),
    deliveries: new Deliveries(transport),
    replays: new Replays(transport),
    suppressions: new Suppressions(transport),
    apiKeys: new ApiKeys(transport),
    sandbox: new Sandbox(transport),
    projects: new Projects(transport),
  };
}

function baseOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^https?:$/.test(parsed.protocol))
    throw new TypeError(
      'url must be the http or https address of the server, such as https://mail.example.com',
    );
  if (parsed.username !== '' || parsed.password !== '')
    throw new TypeError('url must not hold a user name or a password; give the key as apiKey');
  if (parsed.search !== '' || parsed.hash !== '')
    throw new TypeError('url must end with its path: no query and no fragment');
  return `${parsed.origin}${parsed.pathname.replace(/\/+(v1\/*)?$/, '')}`;
}

/** Does not show the key: it may be a right one with a line break at its end. */
function checkedKey(key: string): string {
  if (typeof key === 'string' && /^[\x21-\x7e]{1,256}$/.test(key)) return key;
  throw new TypeError('apiKey must be an API key, without blanks and line breaks');
}
