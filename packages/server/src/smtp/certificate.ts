/** The certificate for STARTTLS: the configured one, or in development a self-signed one that is made once. */

import { randomUUID, X509Certificate } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { SmtpSettings } from './settings.ts';

/** Certificate and key in one file, so that they can never be of two generations. */
export const GENERATED_FILE = 'smtp-certificate.pem';
const VALID_DAYS = 825;
/** A generated certificate is made anew this long before its end. */
const RENEW_BEFORE_MS = 30 * 86_400_000;

export interface Certificate {
  context: SecureContext;
  /** SHA-256 of the certificate, as tools print it. */
  fingerprint: string;
  /** Made by us: no client can verify it by a chain. */
  generated: boolean;
}

type Wanted = Pick<SmtpSettings, 'cert_file' | 'key_file' | 'profile' | 'data_dir'>;

/** Throws with the name of the setting when a file cannot be used. */
export async function loadCertificate(settings: Wanted, name: string): Promise<Certificate> {
  if (settings.cert_file !== '') return configured(settings);
  if (settings.profile === 'production') {
    throw new Error('smtp.cert_file is missing: production wants a certificate and smtp.key_file');
  }
  const file = join(settings.data_dir, GENERATED_FILE);
  const kept = await readKept(file, name);
  const pem = kept ?? (await make(file, name));
  return { ...usable(pem, pem), generated: true };
}

async function configured(settings: Wanted): Promise<Certificate> {
  const cert = await readNamed('smtp.cert_file', settings.cert_file);
  const key = await readNamed('smtp.key_file', settings.key_file);
  try {
    return { ...usable(cert, key), generated: false };
  } catch (cause) {
    throw new Error('smtp.cert_file and smtp.key_file are not a PEM certificate and its key', { cause });
  }
}

async function readNamed(setting: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new Error(`${setting} cannot be read: ${file}`, { cause });
  }
}

function usable(cert: string, key: string): { context: SecureContext; fingerprint: string } {
  const context = createSecureContext({ cert, key, minVersion: 'TLSv1.2' });
  return { context, fingerprint: new X509Certificate(cert).fingerprint256 };
}

/** The certificate made earlier, when it is still good for this name; null otherwise. */
async function readKept(file: string, name: string): Promise<string | null> {
  let pem: string;
  try {
    pem = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const certificate = new X509Certificate(pem);
    usable(pem, pem);
    const lasts = certificate.validToDate.getTime() - RENEW_BEFORE_MS > Date.now();
    return lasts && certificate.checkHost(name) !== undefined ? pem : null;
  } catch {
    // A damaged file protects nothing that is worth keeping: it is made anew.
    return null;
  }
}

async function make(file: string, name: string): Promise<string> {
  // Loaded only when it is needed, once a machine: it takes longer to load than the rest of the start.
  const { generate } = await import('selfsigned');
  const made = await generate([{ name: 'commonName', value: name.slice(0, 64) }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notAfterDate: new Date(Date.now() + VALID_DAYS * 86_400_000),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: name },
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  });
  const pem = `${made.cert.trimEnd()}\n${made.private.trimEnd()}\n`;
  await writePrivate(file, pem);
  return pem;
}

/** Whole or not at all, readable by its owner only from the first octet on. */
async function writePrivate(file: string, text: string): Promise<void> {
  await mkdir(join(file, '..'), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${randomUUID()}.tmp`;
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}
