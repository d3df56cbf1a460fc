/** The responses of AUTH PLAIN (RFC 4616) and AUTH LOGIN. Only the password counts: it is an API key. */

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Strict base64 (RFC 4648 section 4) of UTF-8; null when it is not. */
export function decodeResponse(text: string): string | null {
  if (!BASE64.test(text)) return null;
  try {
    return UTF8.decode(Buffer.from(text, 'base64'));
  } catch {
    return null;
  }
}

/** The password of `authzid NUL authcid NUL passwd`; null when it is not of that form. */
export function plainPassword(response: string): string | null {
  const parts = response.split('\0');
  return parts.length === 3 ? (parts[2] as string) : null;
}

/** `Username:` and `Password:`, the prompts of LOGIN. */
export const LOGIN_USERNAME = 'VXNlcm5hbWU6';
export const LOGIN_PASSWORD = 'UGFzc3dvcmQ6';
