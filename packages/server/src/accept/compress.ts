/** Raw mail at rest: zstd, which shrinks mail to about a third at a few hundred MB/s. */

import { promisify } from 'node:util';
import { zstdCompress, zstdCompressSync } from 'node:zlib';

/** Under this a round trip to the thread pool costs more than compressing here. */
const SYNC_BYTES = 64 * 1024;
const compressAsync = promisify(zstdCompress);

export async function compress(raw: Buffer): Promise<Uint8Array> {
  return raw.length <= SYNC_BYTES ? zstdCompressSync(raw) : compressAsync(raw);
}
