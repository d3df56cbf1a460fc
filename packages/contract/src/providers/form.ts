/** `application/x-www-form-urlencoded` (https://url.spec.whatwg.org/#urlencoded-parsing), strict and bounded. */

const MAX_FIELDS = 100;

/** Null when a name comes twice (which of them is signed?), an escape is broken, or there are very many fields. */
export function parseForm(body: string): Map<string, string> | null {
  const pairs = body.split('&', MAX_FIELDS + 1);
  if (pairs.length > MAX_FIELDS) return null;
  const form = new Map<string, string>();
  for (const pair of pairs) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? '' : decode(pair.slice(equals + 1));
    if (name === null || value === null || form.has(name)) return null;
    form.set(name, value);
  }
  return form;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return null;
  }
}
