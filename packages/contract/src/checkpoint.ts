/**
 * Checkpoints: what a lane's events were, summed up so that a consumer can prove that it missed none. Over a run of
 * `seq`s without a gap, the digest is the SHA-256, in lower-case hex, of the text that `checkpointText` gives. The hash
 * is passed in: node:crypto in the server, Web Crypto elsewhere.
 */

/**
 * Ids of events in the order of their `seq`, each followed by a line feed (U+000A); all of it is ASCII. The text of two
 * runs that follow one another is that of both together.
 */
export function checkpointText(eventIds: Iterable<string>): string {
  let text = '';
  for (const id of eventIds) text += `${id}\n`;
  return text;
}

/** `sha256` gives the hex digest of a text's UTF-8 bytes, or a promise of it. */
export function checkpointDigest<T>(eventIds: Iterable<string>, sha256: (text: string) => T): T {
  return sha256(checkpointText(eventIds));
}
