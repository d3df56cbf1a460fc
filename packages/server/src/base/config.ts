/**
 * The settings: typed here, once; their defaults and what they mean are in `config.default.toml`, which is loaded.
 * A setting that is in one and not in the other stops the start (and a test).
 */

import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { parse } from 'smol-toml';
import {
  boolean,
  choice,
  integer,
  integers,
  nearest,
  profileChoice,
  text,
  texts,
  type Profile,
  type Setting,
} from './settings.ts';

const MB = 1024 * 1024;
const HOUR_MS = 3_600_000;
const port = integer(0, 65_535);
const count = integer(1, 1_000_000_000);
const bytes = integer(1, 64 * 1024 * MB);
const milliseconds = integer(1, 24 * HOUR_MS);
const cidr = /^[0-9a-fA-F:.]+\/\d{1,3}$/;

/** Every setting but `profile`, by section and name. */
export const SETTINGS = {
  data: { dir: text() },
  http: {
    host: text(),
    port,
    body_bytes: integer(1024, 1024 * MB),
    bodies_bytes: integer(1024, 64 * 1024 * MB),
    header_bytes: integer(1024, MB),
    headers_timeout_ms: milliseconds,
    request_timeout_ms: milliseconds,
    keep_alive_ms: milliseconds,
    max_connections: count,
    max_streams: count,
    stream_heartbeat_ms: milliseconds,
    stream_stall_ms: milliseconds,
  },
  smtp: {
    enabled: boolean(),
    host: text(),
    port,
    name: text({ pattern: /^[A-Za-z0-9.-]{1,253}$/, says: 'a host name' }),
    cert_file: text(),
    key_file: text(),
    plain_auth: profileChoice({ development: 'loopback', production: 'never' }, ['loopback', 'never']),
    max_connections: count,
    max_connections_per_address: count,
    max_auth_failures: count,
    max_bad_commands: count,
    idle_timeout_ms: milliseconds,
    data_timeout_ms: milliseconds,
  },
  security: {
    master_key: text({
      pattern: /^(?:[A-Za-z0-9+/]{43}=?|[A-Za-z0-9_-]{43}|[0-9a-fA-F]{64})$/,
      says: '32 bytes as base64 or hex; make one with `openssl rand -base64 32`',
    }),
    admin_key: text({
      pattern: /^pr_admin_[A-Za-z0-9_-]{32,200}$/,
      says: '`pr_admin_` and at least 32 characters of A-Z a-z 0-9 _ -; make them with `openssl rand -hex 32`',
    }),
  },
  limits: {
    recipients: integer(1, 100_000),
    message_bytes: integer(1024, 1024 * MB),
    batch: integer(1, 10_000),
    attachments: count,
    header_bytes: bytes,
    tags: count,
    tag_bytes: bytes,
    metadata_pairs: count,
    metadata_bytes: bytes,
    event_data_bytes: bytes,
    json_depth: integer(4, 1000),
    schedule_days: integer(1, 3650),
    endpoints: count,
    url_bytes: integer(64, 65_536),
    endpoint_header_bytes: integer(64, 65_536),
    filter_bytes: integer(64, MB),
    commit_queue: count,
    commit_queue_bytes: bytes,
    memory_bytes: integer(0, 1024 * 1024 * MB),
  },
  store: {
    wal_bytes: integer(MB, 16 * 1024 * MB),
    cache_bytes: integer(MB, 16 * 1024 * MB),
    min_free_bytes: integer(0, 1024 * 1024 * MB),
  },
  publish: {
    budget: integer(1, 65_536),
    window: integer(1, 1_000_000),
    threads: integer(0, 64),
    retry_schedule: integers(1, 30 * 86_400, 100),
    timeout_ms: integer(1, 600_000),
    max_in_flight: integer(1, 65_536),
    probe_seconds: integer(1, 86_400),
    max_hold_hours: integer(1, 24 * 365),
    disable_after_days: integer(0, 365),
    drain_bytes: integer(0, 16 * MB),
    excerpt_bytes: integer(0, 65_536),
    user_agent: text({ pattern: /^[\x20-\x7e]{1,200}$/, says: 'printable ASCII' }),
    max_replays: integer(1, 1_000),
    plain_http: profileChoice({ development: 'loopback', production: 'never' }, ['loopback', 'never']),
    egress_proxy: text({
      pattern:
        /^http:\/\/(?:(?:[^\s/?#@%]|%[0-9a-fA-F]{2})+@)?(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\]):\d{1,5}\/?$/,
      says: '`http://host:port` or `http://user:password@host:port`, what is special in them percent-encoded',
    }),
    allow_networks: texts(cidr, 'networks such as "10.20.0.0/16"'),
  },
  deliver: { concurrency: integer(1, 65_536), deferral_schedule: integers(1, 30 * 86_400, 100) },
  sandbox: { deferral_seconds: integers(1, 86_400, 10) },
  retention: {
    events_days: integer(1, 36_500),
    dead_letters_days: integer(1, 36_500),
    raw_days: integer(1, 36_500),
    idempotency_hours: integer(1, 24),
    interval_seconds: integer(1, 86_400),
  },
  log: {
    level: choice(['debug', 'info', 'warn', 'error', 'silent']),
    attempts: boolean(),
    format: choice(['auto', 'json', 'pretty']),
  },
  metrics: {
    enabled: boolean(),
    token: text({ pattern: /^[\x21-\x7e]{16,200}$/, says: '16 to 200 visible ASCII characters' }),
  },
} as const satisfies Record<string, Record<string, Setting<unknown>>>;

type Values<Section> = {
  readonly [Name in keyof Section]: Section[Name] extends Setting<infer T> ? T : never;
};
type Sections = { readonly [Name in keyof typeof SETTINGS]: Values<(typeof SETTINGS)[Name]> };

/** The settings as loaded: complete, checked, frozen; `data.dir` is absolute; nothing is "auto" but `log.format`. */
export type Config = Sections & { readonly profile: Profile };

/** Some settings, as a command line or a test gives them. */
export type ConfigOverrides = { profile?: Profile } & { [Name in keyof Sections]?: Partial<Sections[Name]> };

/** Environment variables that begin with POSTRIDER_ and are no settings: for the command line and for tests. */
const OTHER_VARIABLES = ['POSTRIDER_CONFIG', 'POSTRIDER_API_KEY', 'POSTRIDER_URL', 'POSTRIDER_TEST_STRICT'];

const DEFAULTS_FILE = new URL('../../config.default.toml', import.meta.url);

/** The settings cannot be used. `problems` has one line for each thing that is wrong, with its remedy. */
export class ConfigError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`The settings cannot be used:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

export interface ConfigSources {
  /** From the command line; wins over everything. */
  overrides?: ConfigOverrides;
  /** Usually `process.env`. Without it no variable is read. */
  env?: Readonly<Record<string, string | undefined>>;
  /** A TOML file of one's own; else the one named by POSTRIDER_CONFIG. */
  file?: string | undefined;
}

type Origin = 'default' | 'file' | 'environment' | 'command line';
interface Found {
  value: unknown;
  origin: Origin;
  /** What to call the setting in a message: its name where it was found. */
  label: string;
}
type FoundSettings = Map<string, Found>;

/** Loads and checks all settings. Throws `ConfigError` naming everything that is wrong at once. */
export function loadConfig(sources: ConfigSources = {}): Config {
  const env = sources.env ?? {};
  const problems: string[] = [];
  const found: FoundSettings = new Map();
  readToml(readFileSync(DEFAULTS_FILE, 'utf8'), 'default', found, problems);
  const file = sources.file ?? (env['POSTRIDER_CONFIG'] || undefined);
  if (file !== undefined) readOwnFile(file, found, problems);
  readEnvironment(env, found, problems);
  readTable(sources.overrides ?? {}, 'command line', found, problems);

  const config = assemble(found, problems);
  if (config !== null && problems.length === 0) problems.push(...unsafe(config, found));
  if (config === null || problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** Name of the environment variable of a setting. */
export function variableName(section: string, name: string): string {
  return `POSTRIDER_${section}_${name}`.toUpperCase();
}

/** `section.name` of every setting, `profile` first. */
export function settingNames(): string[] {
  const names = ['profile'];
  for (const [section, settings] of Object.entries(SETTINGS))
    for (const name of Object.keys(settings)) names.push(`${section}.${name}`);
  return names;
}

function readOwnFile(path: string, found: FoundSettings, problems: string[]): void {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    problems.push(`${path} cannot be read: ${(error as Error).message}`);
    return;
  }
  readToml(content, 'file', found, problems);
}

function readToml(content: string, origin: Origin, found: FoundSettings, problems: string[]): void {
  let table: Record<string, unknown>;
  try {
    table = parse(content);
  } catch (error) {
    problems.push(`the settings file is not TOML: ${(error as Error).message}`);
    return;
  }
  readTable(table, origin, found, problems);
}

function readTable(table: object, origin: Origin, found: FoundSettings, problems: string[]): void {
  const known = settingNames();
  for (const [section, value] of Object.entries(table)) {
    if (value === undefined) continue;
    const settings: [string, unknown][] =
      section === 'profile' || typeof value !== 'object' || value === null
        ? [[section, value]]
        : Object.entries(value).map(([name, inner]) => [`${section}.${name}`, inner]);
    for (const [name, inner] of settings) {
      if (inner === undefined) continue;
      if (known.includes(name)) found.set(name, { value: inner, origin, label: name });
      else problems.push(unknownName(name, known));
    }
  }
}

function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  found: FoundSettings,
  problems: string[],
): void {
  const byVariable = new Map([['POSTRIDER_PROFILE', 'profile']]);
  for (const [section, settings] of Object.entries(SETTINGS))
    for (const name of Object.keys(settings))
      byVariable.set(variableName(section, name), `${section}.${name}`);
  for (const [variable, content] of Object.entries(env)) {
    if (!variable.toUpperCase().startsWith('POSTRIDER_')) continue;
    if (OTHER_VARIABLES.includes(variable)) continue;
    const name = byVariable.get(variable);
    if (name === undefined) problems.push(unknownName(variable, [...byVariable.keys(), ...OTHER_VARIABLES]));
    else if (content !== undefined && content !== '')
      found.set(name, { value: settingOf(name).fromText(content), origin: 'environment', label: variable });
  }
}

function unknownName(name: string, known: readonly string[]): string {
  const close = nearest(name, known);
  return `${name} is no setting${close === null ? '; all of them are in config.default.toml' : `; did you mean ${close}?`}`;
}

const PROFILE = choice(['development', 'production']);

function settingOf(name: string): Setting<unknown> {
  if (name === 'profile') return PROFILE;
  const [section, inner] = name.split('.') as [keyof typeof SETTINGS, string];
  return (SETTINGS[section] as Record<string, Setting<unknown>>)[inner] as Setting<unknown>;
}

function assemble(found: FoundSettings, problems: string[]): Config | null {
  const profile = PROFILE.check(found.get('profile')?.value, 'production');
  if (!profile.ok) {
    problems.push(`${found.get('profile')?.label ?? 'profile'} ${profile.problem}`);
    return null;
  }
  const config: Record<string, unknown> = { profile: profile.value };
  for (const name of settingNames().slice(1)) {
    const [section, inner] = name.split('.') as [string, string];
    const at = found.get(name);
    const read = settingOf(name).check(at?.value, profile.value);
    // A secret's value never gets into a message, whatever is wrong with it.
    if (!read.ok) problems.push(`${at?.label ?? name} ${read.problem}`);
    else ((config[section] ??= {}) as Record<string, unknown>)[inner] = read.value;
  }
  if (problems.length > 0) return null;
  const complete = config as unknown as Config;
  const absolute = { ...complete, data: { dir: resolve(complete.data.dir) } };
  for (const section of Object.values(absolute)) Object.freeze(section);
  return Object.freeze(absolute);
}

/** What must not be in this profile, by name, with the way out. */
function unsafe(config: Config, found: FoundSettings): string[] {
  const problems: string[] = [];
  const label = (name: string): string => found.get(name)?.label ?? name;
  if ((config.smtp.cert_file === '') !== (config.smtp.key_file === ''))
    problems.push('smtp.cert_file and smtp.key_file belong together; set both or none');
  if (config.http.headers_timeout_ms > config.http.request_timeout_ms)
    problems.push(`${label('http.headers_timeout_ms')} must not be more than http.request_timeout_ms`);
  if (config.profile === 'development') {
    for (const door of ['http', 'smtp'] as const)
      if (!isLoopback(config[door].host))
        problems.push(
          `${label(`${door}.host`)}: the development profile binds loopback only; use 127.0.0.1, or set POSTRIDER_PROFILE=production`,
        );
    return problems;
  }
  for (const name of ['master_key', 'admin_key'] as const) {
    const variable = variableName('security', name);
    if (config.security[name] === '')
      problems.push(`security.${name} is missing: production wants it in ${variable}`);
    else if (found.get(`security.${name}`)?.origin === 'file')
      problems.push(`security.${name} is in a file: production wants it in ${variable}`);
  }
  if (config.publish.plain_http !== 'never')
    problems.push(`${label('publish.plain_http')}: production sends to HTTPS endpoints only; remove it`);
  if (config.smtp.plain_auth !== 'never')
    problems.push(`${label('smtp.plain_auth')}: production takes AUTH under TLS only; remove it`);
  if (config.smtp.enabled && config.smtp.cert_file === '')
    problems.push(
      `smtp.cert_file is missing: production wants a certificate (${variableName('smtp', 'cert_file')}, ${variableName('smtp', 'key_file')}) or ${variableName('smtp', 'enabled')}=false`,
    );
  for (const network of config.publish.allow_networks)
    if (network.endsWith('/0'))
      problems.push(`${label('publish.allow_networks')}: ${network} opens every address`);
  return problems;
}

function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}
