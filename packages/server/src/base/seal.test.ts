import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { loadConfig } from './config.ts';
import { loadMasterKey, loadSeal } from './master-key.ts';
import { parseMasterKey, Seal, SealError } from './seal.ts';

const KEY = Buffer.alloc(32, 1);

describe('sealing', () => {
  const seal = new Seal(KEY);

  test.each(['', 'whsec_abc', 'Grüße 🚀', 'x'.repeat(100_000)])('opens what it sealed (%#)', (plain) => {
    expect(seal.open(seal.seal(plain))).toBe(plain);
  });
  test('gives another text each time, and never the plain one', () => {
    const [one, two] = [seal.seal('whsec_secret'), seal.seal('whsec_secret')];
    expect(one).not.toBe(two);
    expect(one).not.toContain('secret');
    expect(one.startsWith('s1.')).toBe(true);
  });
  test('does not open under another key', () => {
    const other = new Seal(Buffer.alloc(32, 2));
    expect(() => other.open(seal.seal('x'))).toThrow(SealError);
  });
  test('does not open when a single character is changed', () => {
    const sealed = seal.seal('whsec_secret');
    for (let at = 0; at < sealed.length; at++) {
      // The last character of base64url may carry unused bits: another one can mean the same bytes.
      const changed = sealed[at] === 'A' ? 'w' : 'A';
      const text = sealed.slice(0, at) + changed + sealed.slice(at + 1);
      expect(() => seal.open(text), text).toThrow(SealError);
    }
  });
  test.each([
    '',
    's1',
    's1..',
    's2.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    's1.AAAA.AAAA',
    's1.a.b.c',
    'plain',
  ])('refuses %j', (text) => expect(() => seal.open(text)).toThrow(SealError));
  test('refuses a key of another length', () => {
    expect(() => new Seal(Buffer.alloc(31))).toThrow(SealError);
    expect(() => new Seal(Buffer.alloc(0))).toThrow(SealError);
  });
});

describe('the master key', () => {
  const dirs: string[] = [];
  const settings = (master_key = '') => {
    const dir = join(mkdtempSync(join(tmpdir(), 'postrider-key-')), 'data');
    dirs.push(dir);
    return loadConfig({ overrides: { data: { dir }, security: { master_key } } });
  };
  afterEach(() => {
    for (const dir of dirs.splice(0)) rmSync(join(dir, '..'), { recursive: true });
  });

  test('is read as base64, base64url and hex', () => {
    const bytes = Buffer.from(Array.from({ length: 32 }, (_, index) => 255 - index));
    for (const form of ['base64', 'base64url', 'hex'] as const)
      expect(parseMasterKey(bytes.toString(form))).toEqual(bytes);
    expect(parseMasterKey('short')).toBeNull();
  });
  test('comes from the settings', () => {
    expect(loadMasterKey(settings(KEY.toString('base64')))).toEqual(KEY);
  });
  test('is made once, for its owner only', () => {
    const config = settings();
    const made = loadMasterKey(config);
    const path = join(config.data.dir, 'master.key');
    expect(made).toHaveLength(32);
    expect(loadMasterKey(config)).toEqual(made);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(config.data.dir).mode & 0o777).toBe(0o700);
    expect(readFileSync(path, 'utf8').trim()).toBe(made.toString('base64'));
  });
  test('is not replaced when the file is damaged', () => {
    const config = settings();
    loadMasterKey(config);
    writeFileSync(join(config.data.dir, 'master.key'), 'half');
    expect(() => loadMasterKey(config)).toThrow(SealError);
  });
  test('is not made anew beside a database whose secrets it could not open', () => {
    const config = settings();
    const sealed = loadSeal(config, null).seal('whsec_x');
    expect(loadSeal(config, sealed).open(sealed)).toBe('whsec_x');
    const elsewhere = settings();
    expect(() => loadSeal(elsewhere, sealed)).toThrow(/master\.key is missing/);
    expect(() => loadSeal(elsewhere, sealed)).toThrow(SealError);
    expect(existsSync(join(elsewhere.data.dir, 'master.key'))).toBe(false);
    expect(() => loadSeal(settings(KEY.toString('base64')), sealed)).toThrow(
      /security\.master_key does not open/,
    );
  });
});
