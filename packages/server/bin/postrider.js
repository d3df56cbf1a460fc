#!/usr/bin/env -S node --max-semi-space-size=8 --initial-old-space-size=48
// The flags: a nursery of 24 MB instead of 48, and no wait for hundreds of MB before the first full collection. Under
// full load the process then peaks at 273 to 285 MB in every round instead of 259 to 339, for no CPU that could be
// measured. They can only be set where the process starts.
import * as module from 'node:module';
import { fileURLToPath } from 'node:url';

// Plain JavaScript, so that a Node too old for the product can still say so.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 15)) {
  console.error(
    `postrider needs Node 24.15 or later; this is ${process.version}. From a clone, \`npm exec postrider -- …\` brings its own.`,
  );
  process.exit(1);
}
// Compiled code is kept between runs; where that folder cannot be written, nothing is. Worker threads take the
// variable: without it each would load the compiler of its own, 15 MB a thread.
const cache = fileURLToPath(new URL('../node_modules/.cache/postrider', import.meta.url));
process.env.NODE_COMPILE_CACHE ??= cache;
module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
// libuv runs look-ups of names on at most half of its threads, and one that hangs keeps its thread for 10 s: with the
// default of 4, two such names stop every other look-up. A thread that has nothing to do costs no memory to speak of.
process.env.UV_THREADPOOL_SIZE ??= '16';
await import('../src/cli/main.ts');
