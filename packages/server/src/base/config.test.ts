import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parse } from 'smol-toml';
import { afterAll, describe, expect, test } from 'vitest';
import { ConfigError, loadConfig, settingNames, variableName, type ConfigSources } from './config.ts';

const DEFAULTS = readFileSync(new URL('../../config.default.toml', import.meta.url), 'utf8');
const dir = mkdtempSync(join(tmpdir(), 'postrider-config-'));
afterAll(() => rmSync(dir, { recursive: true }));

/** Every problem the settings have; empty when they load. */
function problems(sources: ConfigSources): readonly string[] {
  try {
    loadConfig(sources);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

function fileWith(content: string): string {
  const path = join(dir, 'own.toml');
  writeFileSync(path, content);
  return path;
}

describe('the defaults file', () => {
  const table = parse(DEFAULTS) as Record<string, Record<string, unknown>>;

  test('has every setting, and no other', () => {
    const written = Object.entries(table).flatMap(([section, value]) =>
      typeof value === 'object' ? Object.keys(value).map((name) => `${section}.${name}`) : [section],
    );
    expect(written.toSorted()).toEqual(settingNames().toSorted());
  });
  test('explains every setting: a comment stands above it, or above the ones it belongs with', () => {
    const bare = DEFAULTS.split('\n').filter((line, index, lines) => {
      if (!/^\w+ = /.test(line)) return false;
      const above = lines.slice(0, index).toReversed();
      const reason = above.find((other) => other.startsWith('#') || other.startsWith('[') || other === '');
      return reason === undefined || !reason.startsWith('#');
    });
    expect(bare).toEqual([]);
  });
  test('loads as it is, for development', () => {
    const config = loadConfig();
    expect(config.profile).toBe('development');
    expect(config.data.dir).toBe(resolve('data'));
    expect([config.http.port, config.smtp.port]).toEqual([7300, 2525]);
    expect(config.publish.retry_schedule).toEqual([30, 300, 1800, 7200, 18000]);
    expect([config.publish.plain_http, config.smtp.plain_auth]).toEqual(['loopback', 'loopback']);
  });
});

describe('where settings come from', () => {
  test('command line over environment over file over defaults', () => {
    const file = fileWith('[http]\nport = 1\nbody_bytes = 2048\n[smtp]\nport = 1\n[limits]\nbatch = 7');
    const env = { POSTRIDER_HTTP_PORT: '2', POSTRIDER_SMTP_PORT: '2' };
    const config = loadConfig({ file, env, overrides: { smtp: { port: 3 } } });
    expect([config.smtp.port, config.http.port, config.http.body_bytes, config.limits.batch]).toEqual([
      3, 2, 2048, 7,
    ]);
  });
  test('every setting has a variable', () => {
    for (const name of settingNames().slice(1)) {
      const [section, inner] = name.split('.') as [string, string];
      // A list of this text suits no setting but free text; what matters is that the name is known.
      const found = problems({ env: { [variableName(section, inner)]: 'x,y' } });
      expect(found.filter((problem) => problem.includes('is no setting'))).toEqual([]);
    }
  });
  test('numbers, truths and lists are read from text; empty is not set', () => {
    const config = loadConfig({
      env: {
        POSTRIDER_HTTP_PORT: '0',
        POSTRIDER_SMTP_ENABLED: 'false',
        POSTRIDER_PUBLISH_RETRY_SCHEDULE: '1, 2,3',
        POSTRIDER_PUBLISH_ALLOW_NETWORKS: '10.0.0.0/8,fd00::/8',
        POSTRIDER_SMTP_PORT: '',
      },
    });
    expect(config.http.port).toBe(0);
    expect(config.smtp).toMatchObject({ enabled: false, port: 2525 });
    expect(config.publish.retry_schedule).toEqual([1, 2, 3]);
    expect(config.publish.allow_networks).toEqual(['10.0.0.0/8', 'fd00::/8']);
  });
  test('the file may be named by POSTRIDER_CONFIG', () => {
    const env = { POSTRIDER_CONFIG: fileWith('[http]\nport = 8080') };
    expect(loadConfig({ env }).http.port).toBe(8080);
  });
  test('what is loaded cannot be changed', () => {
    const config = loadConfig();
    expect(() => Object.assign(config.http, { port: 1 })).toThrow(TypeError);
    expect(() => Object.assign(config, { profile: 'production' })).toThrow(TypeError);
    expect(() => (config.publish.retry_schedule as number[]).push(1)).toThrow(TypeError);
  });
});

describe('what is refused', () => {
  test.each([
    ['a variable that is close', { env: { POSTRIDER_HTTP_PROT: '1' } }, 'did you mean POSTRIDER_HTTP_PORT?'],
    [
      'a variable that is not',
      { env: { POSTRIDER_COLOUR_SCHEME: 'x' } },
      'POSTRIDER_COLOUR_SCHEME is no setting',
    ],
    ['a variable in lower case', { env: { postrider_http_port: '1' } }, 'postrider_http_port is no setting'],
    [
      'no number',
      { env: { POSTRIDER_HTTP_PORT: '80x' } },
      'POSTRIDER_HTTP_PORT must be a whole number from 0 to 65535',
    ],
    ['too large a number', { env: { POSTRIDER_HTTP_PORT: '65536' } }, 'POSTRIDER_HTTP_PORT must be'],
    [
      'idempotency for longer than the store keeps it',
      { overrides: { retention: { idempotency_hours: 25 } } },
      'retention.idempotency_hours must be a whole number from 1 to 24',
    ],
    ['a fraction', { overrides: { http: { port: 1.5 } } }, 'http.port must be'],
    ['no truth', { env: { POSTRIDER_SMTP_ENABLED: 'maybe' } }, 'must be true or false'],
    ['no choice', { env: { POSTRIDER_LOG_LEVEL: 'loud' } }, 'must be one of "debug"'],
    [
      'no list of numbers',
      { env: { POSTRIDER_SANDBOX_DEFERRAL_SECONDS: '1,x' } },
      'must be a list of at most',
    ],
    ['no network', { env: { POSTRIDER_PUBLISH_ALLOW_NETWORKS: '10.0.0.1' } }, 'must be a list of networks'],
    ['no profile', { env: { POSTRIDER_PROFILE: 'staging' } }, 'POSTRIDER_PROFILE must be one of'],
    ['a file that is not there', { file: join(dir, 'none.toml') }, 'cannot be read'],
    ['half a certificate', { overrides: { smtp: { cert_file: 'a' } } }, 'belong together'],
    ['a public address in development', { overrides: { http: { host: '0.0.0.0' } } }, 'binds loopback only'],
    [
      'an address that only begins like one',
      { overrides: { http: { host: '127.evil.example' } } },
      'loopback only',
    ],
  ] as [string, ConfigSources, string][])('%s', (_, sources, words) => {
    expect(problems(sources).join('\n')).toContain(words);
  });
  test.each([
    ['a name in a file', '[http]\nprot = 1', 'http.prot is no setting; did you mean http.port?'],
    ['a section in a file', '[htp]\nport = 1', 'htp.port is no setting; did you mean http.port?'],
    ['a value without its section', 'port = 1', 'port is no setting'],
    ['a section that is a value', 'http = 1', 'http is no setting'],
    ['a prototype', '[__proto__]\nport = 1', '__proto__.port is no setting'],
    ['text for a number', '[http]\nport = "1"', 'http.port must be a whole number'],
    ['no TOML', '[http', 'is not TOML'],
  ])('%s', (_, content, words) => {
    expect(problems({ file: fileWith(content) }).join('\n')).toContain(words);
  });
  test('everything at once', () => {
    const env = { POSTRIDER_HTTP_PORT: 'x', POSTRIDER_SMTP_PORT: 'y', POSTRIDER_NO: '1' };
    expect(problems({ env })).toHaveLength(3);
  });
  test('never with the value of a secret', () => {
    const secret = 'hunter2-hunter2-hunter2';
    const env = { POSTRIDER_SECURITY_MASTER_KEY: secret, POSTRIDER_SECURITY_ADMIN_KEY: secret };
    const found = problems({ env });
    expect(found).toHaveLength(2);
    expect(found.join()).not.toContain('hunter2');
  });
});

describe('production', () => {
  const env = {
    POSTRIDER_PROFILE: 'production',
    POSTRIDER_SECURITY_MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
    POSTRIDER_SECURITY_ADMIN_KEY: `pr_admin_${'k'.repeat(43)}`,
    POSTRIDER_SMTP_CERT_FILE: 'cert.pem',
    POSTRIDER_SMTP_KEY_FILE: 'key.pem',
    POSTRIDER_HTTP_HOST: '0.0.0.0',
  };

  test('starts when nothing is unsafe', () => {
    const config = loadConfig({ env });
    expect([config.publish.plain_http, config.smtp.plain_auth]).toEqual(['never', 'never']);
    expect(config.http.host).toBe('0.0.0.0');
  });
  test.each([
    ['POSTRIDER_SECURITY_MASTER_KEY', '', 'security.master_key is missing'],
    ['POSTRIDER_SECURITY_ADMIN_KEY', '', 'security.admin_key is missing'],
    ['POSTRIDER_PUBLISH_PLAIN_HTTP', 'loopback', 'POSTRIDER_PUBLISH_PLAIN_HTTP: production sends to HTTPS'],
    [
      'POSTRIDER_SMTP_PLAIN_AUTH',
      'loopback',
      'POSTRIDER_SMTP_PLAIN_AUTH: production takes AUTH under TLS only',
    ],
    ['POSTRIDER_PUBLISH_ALLOW_NETWORKS', '0.0.0.0/0', 'opens every address'],
  ])('refuses %s=%s by name', (name, value, words) => {
    const found = problems({ env: { ...env, [name]: value } });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(words);
  });
  test('refuses the SMTP door without a certificate, but not without the door', () => {
    const bare = { ...env, POSTRIDER_SMTP_CERT_FILE: '', POSTRIDER_SMTP_KEY_FILE: '' };
    expect(problems({ env: bare }).join()).toContain('smtp.cert_file is missing');
    expect(problems({ env: { ...bare, POSTRIDER_SMTP_ENABLED: 'false' } })).toEqual([]);
  });
  test('refuses a secret from a file', () => {
    const file = fileWith(`[security]\nmaster_key = "${Buffer.alloc(32, 7).toString('base64')}"`);
    expect(problems({ file, env: { ...env, POSTRIDER_SECURITY_MASTER_KEY: '' } }).join()).toContain(
      'security.master_key is in a file',
    );
  });
});
