/**
 * Endpoints that are dead in their own way: below `/hang` a request is never answered, below `/500` it fails. A process
 * of its own. `GET /status` tells how many paths have a request hanging now, and how many requests came in all.
 */

import { FAILED, json, serveTiny } from './tiny-http.ts';

const hanging = new Map<string, number>();
let requests = 0;

serveTiny(({ path, socket }) => {
  if (path === '/status') return json({ hanging: hanging.size, requests });
  requests++;
  if (!path.startsWith('/hang')) return FAILED;
  hanging.set(path, (hanging.get(path) ?? 0) + 1);
  // The client gives up by closing the connection.
  socket.once('close', () => {
    const left = (hanging.get(path) ?? 1) - 1;
    if (left === 0) hanging.delete(path);
    else hanging.set(path, left);
  });
  return null;
});
