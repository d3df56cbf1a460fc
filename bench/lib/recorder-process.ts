/**
 * A receiver that keeps of every request what the tally needs, and fails as it is told. A process of its own.
 * `POST /control` `{down, fail}`: whether everything fails, and the share of requests that fail at random.
 * `GET /log`: the arrivals so far, in order; `GET /status`: how many were taken, and how many failed.
 */

import type { Arrival, RecorderControl } from './recorder.ts';
import { FAILED, json, NO_CONTENT, serveTiny, type TinyRequest } from './tiny-http.ts';
import { sharedClockMs } from './wait.ts';

let control: RecorderControl = { down: false, fail: 0 };
const arrivals: Arrival[] = [];
let failed = 0;

serveTiny((request) => {
  switch (request.path) {
    case '/control':
      control = JSON.parse(request.body) as RecorderControl;
      return NO_CONTENT;
    case '/status':
      return json({ taken: arrivals.length - failed, failed });
    case '/log':
      return json(arrivals);
    default:
      return take(request);
  }
});

function take({ body }: TinyRequest): string {
  const fails = control.down || Math.random() < control.fail;
  if (fails) failed++;
  arrivals.push([
    sharedClockMs(),
    Number(field(body, '"order":')),
    Number(field(body, '"seq":')),
    fails ? 0 : 1,
    field(body, '"message_id":'),
  ]);
  return fails ? FAILED : NO_CONTENT;
}

/** What stands behind the last such key: ours come first or last in the envelope, and parsing all of it costs more. */
function field(body: string, key: string): string {
  const at = body.lastIndexOf(key);
  if (at < 0) return '';
  const from = at + key.length;
  let to = from;
  while (to < body.length && !',}'.includes(body[to] as string)) to++;
  return body.slice(from, to);
}
