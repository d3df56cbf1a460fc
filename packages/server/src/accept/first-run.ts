/** The first start makes a project to try things with, and its keys; later starts find them again. */

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SCOPES, type Caller } from '../domain/tenancy.ts';
import type { Access, AdminCaller } from './access.ts';

export const FIRST_RUN_FILE = 'first-run.json';
export const FIRST_PROJECT = 'default';

export interface FirstRun {
  /** Base URL of the HTTP door. */
  http: string;
  /** `smtp://host:port`, null when the SMTP door is closed. */
  smtp: string | null;
  keys: { live: string; sandbox: string; admin: string };
}

type Keys = FirstRun['keys'];
type FirstRunAccess = Pick<Access, 'authenticate' | 'createProject' | 'listProjects' | 'createApiKey'>;

/**
 * The keys of this data folder: those of `first-run.json` that still open something, new ones for the rest.
 * `adminKey`: the one of the settings, when there is one.
 */
export async function firstRunKeys(access: FirstRunAccess, dir: string, adminKey: string): Promise<Keys> {
  const known = readKeys(dir);
  const projects = await access.listProjects();
  const project =
    projects.find((p) => p.project.name === FIRST_PROJECT) ??
    (await access.createProject(FIRST_PROJECT, null));
  const keyFor = async (name: 'live' | 'sandbox'): Promise<string> => {
    const env = project.environments.find((environment) => environment.name === name)?.env ?? -1;
    const kept = known?.[name] ?? '';
    const caller = kept === '' ? null : await access.authenticate(kept);
    if (caller !== null && !isAdmin(caller) && caller.environment.env === env) return kept;
    return (await access.createApiKey(env, { name: 'first run', scopes: [...SCOPES] }, null)).secret;
  };
  return {
    live: await keyFor('live'),
    sandbox: await keyFor('sandbox'),
    admin: await admin(access, known, adminKey),
  };
}

async function admin(access: FirstRunAccess, known: Keys | null, adminKey: string): Promise<string> {
  if (adminKey !== '') return adminKey;
  const caller = known === null ? null : await access.authenticate(known.admin);
  if (known !== null && caller !== null && isAdmin(caller)) return known.admin;
  return (await access.createApiKey(null, { name: 'first run', scopes: [] }, null)).secret;
}

function isAdmin(caller: Caller | AdminCaller): caller is AdminCaller {
  return 'admin' in caller;
}

/** Null when there is no such file, or it is not ours: then new keys are made. */
function readKeys(dir: string): Keys | null {
  try {
    const { keys } = JSON.parse(readFileSync(join(dir, FIRST_RUN_FILE), 'utf8')) as { keys?: Partial<Keys> };
    const text = (value: unknown): string => (typeof value === 'string' ? value : '');
    return { live: text(keys?.live), sandbox: text(keys?.sandbox), admin: text(keys?.admin) };
  } catch {
    return null;
  }
}

/** Whole or not at all, readable by its owner only. */
export function writeFirstRun(dir: string, firstRun: FirstRun): void {
  const path = join(dir, FIRST_RUN_FILE);
  writeFileSync(`${path}.new`, `${JSON.stringify(firstRun, null, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
}
