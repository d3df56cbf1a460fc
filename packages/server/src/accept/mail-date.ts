/** RFC 5322 section 3.3, in UTC: `Sun, 19 Apr 2026 14:32:01 +0000`. */
export function mailDate(date: Date): string {
  return date.toUTCString().replace('GMT', '+0000');
}
