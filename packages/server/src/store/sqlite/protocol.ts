/** What crosses between the process's main thread and the writer and reader threads. */

import type { ErrorCode, FieldError } from '@postrider/contract/errors';
import { PostriderError } from '../../domain/errors.ts';
import type { ChangeColumns } from './changes.ts';

/** A call of a function in the thread, by its name in that thread's table. */
export interface Call {
  name: string;
  args: unknown[];
}

export type Outcome = { ok: true; value: unknown } | { ok: false; error: WireError };

export interface WireError {
  /** Null: not expected; a defect or the system's. */
  code: ErrorCode | null;
  message: string;
  errors: FieldError[];
}

export interface WriteReply {
  /** Of the first so many calls; the others did not fit into the transaction and are still to be made. */
  outcomes: Outcome[];
  changes: ChangeColumns | null;
  /** Time from BEGIN to the end of COMMIT. */
  commitMs: number;
}

export type WriterMessage = { kind: 'transaction'; calls: Call[] } | { kind: 'close' };
export type ReaderMessage = { kind: 'call'; id: number; call: Call } | { kind: 'close' };
export interface ReaderReply {
  id: number;
  outcome: Outcome;
}

/** SQLITE_FULL, SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_READONLY, SQLITE_CORRUPT, SQLITE_BUSY: primary result codes. */
const STORAGE_CODES: ReadonlySet<number> = new Set([13, 10, 14, 8, 11, 5]);

export function toWireError(error: unknown): WireError {
  if (error instanceof PostriderError)
    return { code: error.code, message: error.message, errors: error.errors };
  if (isStorageError(error)) {
    return {
      code: 'storage_unavailable',
      message: `The store cannot commit: ${(error as Error).message}.`,
      errors: [],
    };
  }
  return {
    code: null,
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    errors: [],
  };
}

/** Whether the database itself, not the command, is at fault. */
export function isStorageError(error: unknown): boolean {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === 'number' && STORAGE_CODES.has(code & 0xff);
}

export function fromWireError(error: WireError): Error {
  if (error.code === null) return new Error(error.message);
  const options =
    error.code === 'storage_unavailable'
      ? { errors: error.errors, retryAfterSeconds: 5 }
      : { errors: error.errors };
  return new PostriderError(error.code, error.message, options);
}
