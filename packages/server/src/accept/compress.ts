/** Raw mail at rest: zstd, which shrinks mail to about a third at a few hundred MB/s. */

import { promisify } from 'node:util';
import { zstdCompress, zstdCompressSync } from 'node:zlib';

/** Under this a round trip to the thread pool costs more than compressing here. */
const SYNC_BYTES = 64 * 1024;
const compressAsync = promisify(zstdCompress);

/** Resolves to octets in a buffer of their own: zlib's results are small views of large ones, which cross threads whole. */
export async function compress(raw: Buffer): Promise<Uint8Array> {
  return new Uint8Array(raw.length <= SYNC_BYTES ? zstdCompressSync(raw) : await compressAsync(raw));
}
