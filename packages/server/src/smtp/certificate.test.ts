import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GENERATED_FILE, loadCertificate } from './certificate.ts';

let data_dir = '';
beforeEach(async () => {
  data_dir = await mkdtemp(join(tmpdir(), 'postrider-cert-'));
});
afterEach(() => rm(data_dir, { recursive: true, force: true }));

const development = () => ({ cert_file: '', key_file: '', profile: 'development' as const, data_dir });

test('development makes one, private to its owner, and keeps it', async () => {
  const first = await loadCertificate(development(), 'mail.example.com');
  const file = join(data_dir, GENERATED_FILE);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(data_dir)).toEqual([GENERATED_FILE]);
  const certificate = new X509Certificate(await readFile(file));
  for (const host of ['mail.example.com', 'localhost']) expect(certificate.checkHost(host)).toBe(host);
  expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(certificate.ca).toBe(false);
  expect(first).toMatchObject({ generated: true, fingerprint: certificate.fingerprint256 });
  expect((await loadCertificate(development(), 'mail.example.com')).fingerprint).toBe(first.fingerprint);
});

test('a certificate for another name, or a damaged one, is made anew', async () => {
  const first = await loadCertificate(development(), 'one.example.com');
  const second = await loadCertificate(development(), 'two.example.com');
  expect(second.fingerprint).not.toBe(first.fingerprint);
  await writeFile(join(data_dir, GENERATED_FILE), 'rubbish');
  const third = await loadCertificate(development(), 'two.example.com');
  expect(third.fingerprint).not.toBe(second.fingerprint);
});

test('a configured pair is used, and what is wrong with it is said by name', async () => {
  const made = await loadCertificate(development(), 'mail.example.com');
  const pem = await readFile(join(data_dir, GENERATED_FILE), 'utf8');
  const cert_file = join(data_dir, 'cert.pem');
  const key_file = join(data_dir, 'key.pem');
  const [certificate = '', key = ''] = pem.split(/(?=-----BEGIN PRIVATE KEY)/);
  await writeFile(cert_file, certificate);
  const settings = { cert_file, key_file, profile: 'production' as const, data_dir };
  await expect(loadCertificate(settings, 'x')).rejects.toThrow(/^smtp\.key_file cannot be read: /);
  await writeFile(key_file, 'rubbish');
  await expect(loadCertificate(settings, 'x')).rejects.toThrow(/^smtp\.cert_file and smtp\.key_file are not/);
  await writeFile(key_file, key);
  expect(await loadCertificate(settings, 'x')).toMatchObject({
    generated: false,
    fingerprint: made.fingerprint,
  });
});

test('production makes none', async () => {
  await expect(loadCertificate({ ...development(), profile: 'production' }, 'x')).rejects.toThrow(
    /^smtp\.cert_file is missing/,
  );
  expect(await readdir(data_dir)).toEqual([]);
});
