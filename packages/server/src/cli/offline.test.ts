/** The commands that work on a data folder, with and without a server. */

import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from 'vitest';
import { command, folder, serverOn } from './test-kit.ts';

const folders: (() => void)[] = [];
afterEach(() => {
  for (const remove of folders.splice(0)) remove();
});
function fresh(): { dir: string; here: string[] } {
  const { dir, remove } = folder();
  folders.push(remove);
  return { dir, here: ['--data-dir', dir] };
}
/** A port nobody listens on, so that no server of this machine is mistaken for ours. */
const nobody = { POSTRIDER_HTTP_PORT: '1', POSTRIDER_SMTP_PORT: '1' };

describe('projects and keys without a server', () => {
  test('are made in the folder, and open a server that starts on it afterwards', async () => {
    const { dir, here } = fresh();
    const made = await command(['projects', 'create', 'shop', ...here, '--json'], nobody);
    expect(made.code).toBe(0);
    const { keys } = JSON.parse(made.out) as { keys: { live: string; sandbox: string } };
    const place = ['--project', 'shop', '--environment', 'sandbox'];
    const key = JSON.parse(
      (
        await command(
          ['keys', 'create', ...here, ...place, '--name', 'sender', '--scopes', 'send', '--json'],
          nobody,
        )
      ).out,
    ) as { key: string; key_id: string };
    const admin = JSON.parse(
      (await command(['keys', 'create', ...here, '--admin', '--name', 'root', '--json'], nobody)).out,
    ) as { key: string };
    expect((await command(['projects', 'list', ...here], nobody)).out).toContain('shop');
    expect((await command(['keys', 'list', ...here, ...place], nobody)).out).toContain(key.key_id);

    const server = await serverOn(dir);
    const at = ['--url', server.http];
    for (const secret of [keys.sandbox, key.key])
      expect((await command(['send', ...at, '--api-key', secret, '--to', 'a@sandbox.test'])).code).toBe(0);
    expect((await command(['projects', 'list', ...at, '--admin-key', admin.key])).out).toContain('shop');
    await server.stop();

    expect((await command(['keys', 'revoke', key.key_id, ...here, ...place], nobody)).code).toBe(0);
    const listed = JSON.parse((await command(['keys', 'list', ...here, ...place, '--json'], nobody)).out) as {
      key_id: string;
      revoked_at: string | null;
    }[];
    expect(listed.filter(({ revoked_at }) => revoked_at !== null).map(({ key_id }) => key_id)).toEqual([
      key.key_id,
    ]);
  });
  test('a place that is none is named', async () => {
    const { here } = fresh();
    await command(['projects', 'create', 'shop', ...here], nobody);
    const wrong = await command(
      ['keys', 'list', ...here, '--project', 'none', '--environment', 'live'],
      nobody,
    );
    expect(wrong).toMatchObject({ code: 2 });
    expect(wrong.notes).toContain('name one of these: shop');
    const half = await command(['keys', 'list', ...here, '--project', 'shop'], nobody);
    expect(half.notes).toContain('--environment must be live or sandbox');
  });
});

describe('backup', () => {
  test('copies beside a running server; the copy starts a server that has everything', async () => {
    const { dir, here } = fresh();
    const server = await serverOn(dir);
    await command(['send', ...here, '--to', 'kept@sandbox.test']);
    const to = `${dir}-copy.db`;
    const done = await command(['backup', to, ...here]);
    expect(done).toMatchObject({ code: 0, notes: '' });
    expect(done.out).toContain(`${statSync(to).size} bytes, opened and checked`);
    expect(statSync(to).mode & 0o777).toBe(0o600);
    await server.stop();

    const copy = new DatabaseSync(to, { readOnly: true });
    const { count } = copy.prepare('SELECT count(*) AS count FROM message').get() as { count: number };
    copy.close();
    expect(count).toBe(1);
  });
  test('never replaces a file, and wants a folder and a database', async () => {
    const { dir, here } = fresh();
    const none = await command(['backup', `${dir}-x.db`, ...here]);
    expect(none.notes).toContain('There is no database');
    await command(['migrate', ...here]);
    writeFileSync(`${dir}-x.db`, 'mine');
    expect((await command(['backup', `${dir}-x.db`, ...here])).code).toBe(1);
    expect(readFileSync(`${dir}-x.db`, 'utf8')).toBe('mine');
    expect((await command(['backup', join(dir, 'no', 'x.db'), ...here])).notes).toContain('does not exist');
  });
});

describe('migrate', () => {
  test('makes the schema, says what it did, and has nothing to do the second time', async () => {
    const { dir, here } = fresh();
    expect((await command(['migrate', '--check', ...here])).code).toBe(1);
    expect(existsSync(dir)).toBe(false);
    expect((await command(['migrate', ...here])).out).toMatch(/schema 0 → \d+$/);
    expect((await command(['migrate', ...here])).out).toContain('nothing to do');
    expect((await command(['migrate', '--check', ...here])).code).toBe(0);
  });
  test('refuses a database of a newer release, in words', async () => {
    const { dir, here } = fresh();
    await command(['migrate', ...here]);
    const db = new DatabaseSync(join(dir, 'postrider.db'));
    db.exec('PRAGMA user_version = 999');
    db.close();
    const done = await command(['migrate', ...here]);
    expect(done.code).toBe(1);
    expect(done.notes).toContain('schema 999');
    expect(done.notes).not.toContain('    at ');
  });
});

describe('doctor', () => {
  const verdicts = async (here: string[], env: Record<string, string> = nobody) => {
    const done = await command(['doctor', ...here, '--json'], env);
    const findings = JSON.parse(done.out) as {
      name: string;
      verdict: string;
      detail: string;
      remedy?: string;
    }[];
    return { code: done.code, of: (name: string) => findings.find((finding) => finding.name === name) };
  };

  test('an empty place is no illness', async () => {
    const { dir, here } = fresh();
    const { of } = await verdicts(here, { POSTRIDER_HTTP_PORT: '0', POSTRIDER_SMTP_PORT: '0' });
    expect(of('data folder')).toMatchObject({ verdict: 'ok' });
    expect(of('ports')).toMatchObject({ verdict: 'ok' });
    expect(of('server')).toMatchObject({ verdict: 'warn' });
    expect(existsSync(dir)).toBe(false);
  });
  test('settings that cannot be used', async () => {
    const { here } = fresh();
    const { code, of } = await verdicts(here, { POSTRIDER_HTTP_PROT: '1' });
    expect(code).toBe(1);
    expect(of('settings')?.detail).toContain('did you mean POSTRIDER_HTTP_PORT?');
  });
  test('files that others can read', async () => {
    const { dir, here } = fresh();
    await command(['projects', 'create', 'shop', ...here], nobody);
    chmodSync(join(dir, 'master.key'), 0o644);
    chmodSync(dir, 0o755);
    const { of } = await verdicts(here);
    expect(of('secret files')).toMatchObject({
      verdict: 'fail',
      remedy: `chmod 600 ${join(dir, 'master.key')}`,
    });
    expect(of('data folder')).toMatchObject({ verdict: 'warn' });
  });
  test('a master key that does not open what is sealed', async () => {
    const { dir, here } = fresh();
    const server = await serverOn(dir);
    const key = server.firstRun?.keys.sandbox ?? '';
    const made = await fetch(`${server.http}/v1/endpoints`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ url: 'http://127.0.0.1:3000/' }),
    });
    expect(made.status).toBe(201);
    await server.stop();
    expect((await verdicts(here)).of('master key')).toMatchObject({
      verdict: 'ok',
      detail: 'opens what is sealed',
    });
    const other = { ...nobody, POSTRIDER_SECURITY_MASTER_KEY: Buffer.alloc(32, 9).toString('base64') };
    expect((await verdicts(here, other)).of('master key')).toMatchObject({ verdict: 'fail' });
  });
  test('a damaged database', async () => {
    const { dir, here } = fresh();
    await command(['migrate', ...here]);
    const path = join(dir, 'postrider.db');
    const bytes = readFileSync(path);
    bytes.fill(0xff, 8192, 8192 * 4);
    writeFileSync(path, bytes);
    expect((await verdicts(here)).of('database')).toMatchObject({ verdict: 'fail' });
  });
});

describe('the command line itself', () => {
  test.each([
    [['--help']],
    [['start', '--help']],
    [['trigger', '--help']],
    [['keys', 'create', '--help']],
    [['--version']],
  ])('%j is help', async (args) => {
    const done = await command(args);
    expect(done).toMatchObject({ code: 0, notes: '' });
    expect(done.out).not.toBe('');
  });
  test('every command has an example', async () => {
    const names = ['start', 'listen', 'trigger', 'send', 'tail', 'doctor', 'migrate', 'backup'];
    for (const args of [...names.map((name) => [name]), ['projects', 'create'], ['keys', 'create']])
      expect((await command([...args, '--help'])).out, args.join(' ')).toContain('Examples:');
  });
  test.each([
    [['bogus']],
    [['tail', '--bogus']],
    [['start', '--http-port', 'x']],
    [['start', '--profile', 'staging']],
  ])('%j is used wrongly', async (args) => expect((await command(args)).code).toBe(2));
  test('no server is an exit code of its own', async () => {
    const done = await command([
      'send',
      '--url',
      'http://127.0.0.1:9',
      '--api-key',
      'x',
      '--to',
      'a@sandbox.test',
    ]);
    expect(done.code).toBe(3);
    expect(done.notes).toContain('No server answers at http://127.0.0.1:9');
  });
});
