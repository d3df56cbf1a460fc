/** List cursors: opaque to callers, checked when they come back. */

import { PostriderError } from '../../domain/errors.ts';

/** Cursors hold a few integers; anything else was not made here. */
export function encodeCursor(parts: readonly number[]): string {
  return Buffer.from(parts.join('.')).toString('base64url');
}

export function decodeCursor(cursor: string, length: number): number[] {
  const parts = Buffer.from(cursor, 'base64url').toString('latin1').split('.').map(Number);
  if (parts.length !== length || !parts.every((part) => Number.isSafeInteger(part))) {
    throw new PostriderError('validation_failed', 'cursor is not one that this list gave out.', {
      errors: [
        { path: '?cursor', message: 'Use next_cursor of the page before, unchanged, or leave it out.' },
      ],
    });
  }
  return parts;
}
