/** The receiver without nginx: answers POST with 204 and counts; `GET /status` tells how many. */

import { json, NO_CONTENT, serveTiny } from './tiny-http.ts';

let count = 0;

serveTiny(({ path }) => {
  if (path === '/status') return json(count);
  count++;
  return NO_CONTENT;
});
