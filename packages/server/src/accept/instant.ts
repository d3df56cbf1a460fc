/** Moments as the API takes them: RFC 3339, which is ISO-8601 with a zone, such as `2026-04-19T14:32:01.123Z`. */

const INSTANT =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** Milliseconds since the epoch; null when the text is no such moment (no zone, no such day, a leap second). */
export function parseInstant(text: string): number | null {
  const match = INSTANT.exec(text);
  if (match === null) return null;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  // Date.parse would read 30 February as 2 March.
  if (month < 1 || month > 12 || day < 1 || day > new Date(Date.UTC(year, month, 0)).getUTCDate())
    return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}
