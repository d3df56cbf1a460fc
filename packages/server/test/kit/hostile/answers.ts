/** Honest answers: well-formed, whole, and not always welcome. */

import { answer, OK, type Behaviour } from './exchange.ts';

/** Link-local metadata of a cloud machine: nobody may ever be led there. */
const METADATA = 'http://169.254.169.254/latest/meta-data/';

export const healthy: Behaviour = (exchange) => exchange.say(OK, 'taken');

export function refusing(status: number, headers: Record<string, string> = {}): Behaviour {
  return (exchange) => exchange.say(answer(status, headers, 'no'), 'refused');
}

export const gone: Behaviour = refusing(410);

export function askingForPatience(seconds: number): Behaviour {
  return refusing(429, { 'Retry-After': String(seconds) });
}

export const redirecting: Behaviour = refusing(307, { Location: METADATA });

/** Yes, but late. */
export function slow(ms: number): Behaviour {
  return (exchange) => exchange.after(ms, () => exchange.say(OK, 'taken'));
}
