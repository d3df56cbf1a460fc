/** A verifier for tests, written from RFC 6376 section 6.1 with strings and expressions: nothing of the signer is in it. */

import { createHash, createPublicKey, verify } from 'node:crypto';

/** The TXT record at `selector._domainkey.domain`. */
export type Records = ReadonlyMap<string, string>;

/** What came of each DKIM-Signature, from the top: `pass`, or why not. `message` has one character per octet. */
export function verifySignatures(message: string, records: Records): string[] {
  const split = message.indexOf('\r\n\r\n');
  const header = split < 0 ? message : message.slice(0, split + 2);
  const body = split < 0 ? '' : message.slice(split + 4);
  const fields = header.split(/\r\n(?![ \t])/).filter((field) => field !== '');
  return fields
    .filter((field) => /^dkim-signature[ \t]*:/i.test(field))
    .map((signature) => verifyOne(signature, fields, body, records));
}

function verifyOne(signature: string, fields: readonly string[], body: string, records: Records): string {
  const tags = tagList(signature.slice(signature.indexOf(':') + 1));
  const tag = (name: string): string => (tags.get(name) ?? '').replace(/[ \t\r\n]/g, '');
  if (tag('v') !== '1') return 'version';
  if (tag('c') !== 'relaxed/relaxed') return 'canonicalization';
  const record = records.get(`${tag('s')}._domainkey.${tag('d')}`);
  if (record === undefined) return 'no record';
  const hash = createHash('sha256').update(relaxBody(body), 'latin1').digest('base64');
  if (hash !== tag('bh')) return 'body hash';
  const names = tag('h').toLowerCase().split(':');
  if (!names.includes('from')) return 'From is not signed';
  const emptied = signature.replace(/(;[ \t\r\n]*b[ \t\r\n]*=)[^;]*/, '$1');
  const input = covered(names, fields) + relaxHeader(emptied);
  return checks(tag('a'), record, Buffer.from(input, 'latin1'), Buffer.from(tag('b'), 'base64'))
    ? 'pass'
    : 'signature';
}

/** Fields by name from the bottom up; a name without one left adds nothing. */
function covered(names: readonly string[], fields: readonly string[]): string {
  const left = [...fields];
  let text = '';
  for (const name of names) {
    const at = left.findLastIndex((field) => (field.split(':')[0] as string).trim().toLowerCase() === name);
    if (at >= 0) text += `${relaxHeader(left.splice(at, 1)[0] as string)}\r\n`;
  }
  return text;
}

function checks(algorithm: string, record: string, input: Buffer, signature: Buffer): boolean {
  const p = Buffer.from(tagList(record).get('p') ?? '', 'base64');
  if (algorithm === 'rsa-sha256')
    return verify('sha256', input, createPublicKey({ key: p, format: 'der', type: 'spki' }), signature);
  // The record has the bare 32 octets (RFC 8463 section 4); this is what SPKI has in front of them (RFC 8410).
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), p]);
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  return verify(null, createHash('sha256').update(input).digest(), key, signature);
}

function tagList(text: string): Map<string, string> {
  return new Map(
    text.split(';').map((part) => {
      const [name = '', ...value] = part.split('=');
      return [name.replace(/[ \t\r\n]/g, ''), value.join('=').replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')];
    }),
  );
}

function relaxHeader(field: string): string {
  const [name = '', ...value] = field.replaceAll('\r\n', '').split(':');
  const text = value.join(':').replace(/[ \t]+/g, ' ');
  return `${name.toLowerCase().replace(/[ \t]+$/, '')}:${text.replace(/^ /, '').replace(/ $/, '')}`;
}

function relaxBody(body: string): string {
  const lines = body.split('\r\n').map((line) => line.replace(/[ \t]+/g, ' ').replace(/ $/, ''));
  while (lines.at(-1) === '') lines.pop();
  return lines.map((line) => `${line}\r\n`).join('');
}
