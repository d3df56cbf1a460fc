/** Where the master key comes from: the settings, or in development a file in the data folder. */

import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from './config.ts';
import { MASTER_KEY_BYTES, parseMasterKey, Seal, SealError } from './seal.ts';

export const MASTER_KEY_FILE = 'master.key';

/**
 * The master key of this data folder. Without a setting (development only) it is read from `master.key`, which is
 * made with mode 0600 the first time. Throws `SealError` when what is there is no key.
 */
export function loadMasterKey(config: Pick<Config, 'data' | 'security'>): Buffer {
  if (config.security.master_key !== '') return parsed(config.security.master_key, 'security.master_key');
  const path = join(config.data.dir, MASTER_KEY_FILE);
  mkdirSync(config.data.dir, { recursive: true, mode: 0o700 });
  try {
    // `wx`: of two processes that start at once, one writes and both read the same key.
    writeFileSync(path, `${randomBytes(MASTER_KEY_BYTES).toString('base64')}\n`, {
      mode: 0o600,
      flag: 'wx',
      flush: true,
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return parsed(readFileSync(path, 'utf8').trim(), path);
}

function parsed(text: string, where: string): Buffer {
  const key = parseMasterKey(text);
  if (key === null) throw new SealError(`${where} is no master key: 32 bytes as base64 or hex.`);
  return key;
}

/**
 * The seal of this data folder. `sealed`: a secret out of its database, null when it has none yet. A key that
 * does not open it is refused before anything is sealed under it; none is made beside a database that has one.
 */
export function loadSeal(config: Pick<Config, 'data' | 'security'>, sealed: string | null): Seal {
  const path = join(config.data.dir, MASTER_KEY_FILE);
  if (sealed !== null && config.security.master_key === '' && !existsSync(path)) {
    throw new SealError(
      `The database in ${config.data.dir} has sealed secrets, and ${path} is missing. Put the file back from where the database comes from, or set security.master_key.`,
    );
  }
  const seal = new Seal(loadMasterKey(config));
  if (sealed === null) return seal;
  try {
    seal.open(sealed);
  } catch (cause) {
    const source = config.security.master_key === '' ? path : 'security.master_key';
    throw new SealError(
      `The master key of ${source} does not open the secrets of the database in ${config.data.dir}. Use the key they were sealed under.`,
      { cause },
    );
  }
  return seal;
}
