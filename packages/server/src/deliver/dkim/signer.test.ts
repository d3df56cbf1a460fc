import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { itNeeds } from '../../../test/kit/skip.ts';
import { bodyHash, DkimError, relaxedField, splitMessage } from './canonical.ts';
import { generatedMail } from './test-kit/generated-mail.ts';
import { readDkimKey, type DkimKey } from './key.ts';
import { SIGNED_FIELDS } from './signed-fields.ts';
import { DkimSigner } from './signer.ts';
import { verifySignatures, type Records } from './test-kit/verifier.ts';

const DOMAIN = 'example.com';
const AT = 1_790_000_000;
const MAILS = 1000;
const signer = new DkimSigner();
const rsa = newKey('rsa', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);
const ed25519 = newKey('ed', generateKeyPairSync('ed25519').privateKey);
const records: Records = new Map([
  [`rsa._domainkey.${DOMAIN}`, `v=DKIM1; k=rsa; p=${spki(rsa.key).toString('base64')}`],
  [`ed._domainkey.${DOMAIN}`, `v=DKIM1; k=ed25519; p=${spki(ed25519.key).subarray(-32).toString('base64')}`],
]);

function newKey(selector: string, key: KeyObject): DkimKey {
  return readDkimKey(DOMAIN, selector, key.export({ type: 'pkcs8', format: 'pem' }));
}
function spki(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' });
}
async function signed(message: string, keys = [rsa, ed25519]): Promise<string> {
  return (await signer.sign(Buffer.from(message, 'latin1'), keys, AT)) + message;
}
function vector(name: string): unknown {
  return JSON.parse(
    readFileSync(new URL(`../../../../../vectors/dkim/${name}.json`, import.meta.url), 'utf8'),
  );
}

/** Verifies each signature of each mail with dkimpy: `pass` or what it said, a line a mail. */
const DKIMPY = `
import sys, json, base64, dkim
given = json.load(sys.stdin)
records = {name + '.': text.encode() for name, text in given['records'].items()}
def dns(name, timeout=5):
    return records.get(name.decode())
for mail in given['mails']:
    said = []
    for index in range(given['signatures']):
        try:
            said.append('pass' if dkim.DKIM(base64.b64decode(mail)).verify(idx=index, dnsfunc=dns) else 'fail')
        except Exception as error:
            said.append(repr(error))
    print(json.dumps(said))
`;
const python = ['/usr/bin/python3', 'python3'].find(
  (command) => spawnSync(command, ['-c', 'import dkim, nacl']).status === 0,
);

function verifyWithDkimpy(mails: readonly string[], signatures: number): string[][] {
  const input = JSON.stringify({
    records: Object.fromEntries(records),
    mails: mails.map((mail) => Buffer.from(mail, 'latin1').toString('base64')),
    signatures,
  });
  const run = spawnSync(python as string, ['-c', DKIMPY], {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    timeout: 60_000,
  });
  expect(run.stderr).toBe('');
  return run.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as string[]);
}

describe('generated mails', () => {
  const mails: string[] = [];
  beforeAll(async () => {
    for (let seed = 0; seed < MAILS; seed++) mails.push(await signed(generatedMail(seed)));
  });

  it('verify as the RFC has it', () => {
    expect(mails.filter((mail) => String(verifySignatures(mail, records)) !== 'pass,pass')).toEqual([]);
  });

  itNeeds('dkimpy (Debian: python3-dkim and python3-nacl)', python !== undefined)(
    'verify with dkimpy',
    async () => {
      // As they arrive: SMTP ends the last line where the mail does not (RFC 5321 section 4.1.1.4). dkimpy leaves
      // blanks at the very end of a body alone where no line end follows them, which cannot happen on the way.
      const arrived = mails.map((mail) => (mail.endsWith('\r\n') ? mail : `${mail}\r\n`));
      const verdicts = verifyWithDkimpy(arrived, 2);
      const failed = verdicts.flatMap((said, at) => (String(said) === 'pass,pass' ? [] : [{ at, said }]));
      expect(verdicts.length).toBe(MAILS);
      expect(failed).toEqual([]);
    },
    90_000,
  );

  it('have lines of at most 78 characters in what is added', async () => {
    for (let seed = 0; seed < 50; seed++) {
      const added = await signer.sign(Buffer.from(generatedMail(seed), 'latin1'), [rsa, ed25519], AT);
      expect(Math.max(...added.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(78);
    }
  });
});

describe('a signature', () => {
  const mail =
    'From: Ann <ann@example.com>\r\nTo: bob@example.net\r\nSubject: Hello\r\nReceived: x\r\n\r\nOne  line \r\n';

  it.each([
    ['the subject', (text: string) => text.replace('Subject: Hello', 'Subject: Help')],
    ['the body', (text: string) => text.replace('One', 'Two')],
    ['what is appended', (text: string) => `${text}more\r\n`],
    ['the time', (text: string) => text.replaceAll(`t=${AT}`, `t=${AT + 1}`)],
  ])('covers %s', async (_name, change) => {
    const text = await signed(mail);
    const changed = change(text);
    expect(changed).not.toBe(text);
    expect(verifySignatures(text, records)).toEqual(['pass', 'pass']);
    expect(verifySignatures(changed, records)).not.toContain('pass');
  });

  it.each(SIGNED_FIELDS.filter(({ overSigned }) => overSigned).map(({ name }) => name))(
    'breaks when another %s is added, below or above',
    async (name) => {
      const text = await signed(mail);
      const below = text.replace('Received: x', `Received: x\r\n${name}: forged`);
      expect(verifySignatures(below, records)).toEqual(['signature', 'signature']);
      expect(verifySignatures(`${name}: forged\r\n${text}`, records)).toEqual(['signature', 'signature']);
    },
  );

  it('survives what relays do: fields in front, other folds, other blanks at line ends', async () => {
    const text = `Received: by relay\r\nX-Spam: no\r\n${await signed(mail)}`
      .replace('Subject: Hello', 'SUBJECT:  \r\n\tHello ')
      .replace('One  line ', 'One line\t');
    expect(verifySignatures(text, records)).toEqual(['pass', 'pass']);
  });

  it('is the same for the same message, key and time', async () => {
    expect(await signed(mail)).toBe(await signed(mail));
  });

  it('is as RFC 8463 appendix A has it, key, body hash and verdict of the verifier here', () => {
    const example = vector('rfc8463') as { message: string; record: string; body_hash: string };
    const message = Buffer.from(example.message, 'latin1');
    expect(bodyHash(message, splitMessage(message).body)).toBe(example.body_hash);
    const at = new Map([['brisbane._domainkey.football.example.com', example.record]]);
    expect(verifySignatures(example.message, at)).toEqual(['pass']);
  });

  it('is made of many at once without more at a time than allowed', async () => {
    const narrow = new DkimSigner(1);
    const all = await Promise.all(
      Array.from({ length: 40 }, (_, n) => narrow.sign(Buffer.from(`${mail}${n}`), [rsa, ed25519], AT)),
    );
    for (const [n, added] of all.entries())
      expect(verifySignatures(`${added}${mail}${n}`, records)).toEqual(['pass', 'pass']);
  });
});

describe('the relaxed body', () => {
  const { bodies } = vector('bodies') as { bodies: { name: string; body: string; relaxed: string | null }[] };
  it.each(bodies)('$name', ({ body, relaxed }) => {
    const octets = Buffer.from(`..${body}`, 'latin1');
    if (relaxed === null) expect(() => bodyHash(octets, 2)).toThrow(DkimError);
    else expect(bodyHash(octets, 2)).toBe(createHash('sha256').update(relaxed, 'latin1').digest('base64'));
  });

  it('is the same over the seams of its pieces', () => {
    for (let length = 65_530; length < 65_545; length++) {
      const head = 'x'.repeat(length);
      const expected = createHash('sha256').update(`${head} y\r\n\r\nz\r\n`).digest('base64');
      expect(bodyHash(Buffer.from(`${head} \t y \r\n \r\nz`), 0)).toBe(expected);
    }
  });

  it('of 10 million empty lines takes no room', () => {
    expect(bodyHash(Buffer.from(`a${'\r\n'.repeat(5_000_000)}`), 0)).toBe(
      createHash('sha256').update('a\r\n').digest('base64'),
    );
  });
});

describe('refused', () => {
  it.each([
    ['no From', 'To: a@example.com\r\n\r\nx', /From/],
    ['LF alone in the header', 'From: a\nTo: b\r\n\r\nx', /CR or LF alone/],
    ['LF alone in the body', 'From: a\r\n\r\nx\ny', /CR or LF alone/],
    ['CR alone in the header', 'From: a\rTo: b\r\n\r\nx', /CR or LF alone/],
    ['no field', 'From: a\r\nnothing\r\n\r\nx', /Name: value/],
    ['a fold in front', ' From: a\r\n\r\nx', /Name: value/],
    ['no line end', 'From: a', /CR or LF alone/],
  ])('%s', async (_name, message, why) => {
    await expect(signed(message)).rejects.toThrow(why);
    await expect(signed(message)).rejects.toThrow(DkimError);
  });

  it('keys that are none, or too small, without quoting them', () => {
    const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' });
    const small = pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey);
    const curve = pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    expect(() => readDkimKey(DOMAIN, 's', small)).toThrow(/2048 to 4096 bits, not 1024/);
    expect(() => readDkimKey(DOMAIN, 's', curve)).toThrow(/RSA and Ed25519/);
    expect(() => readDkimKey(DOMAIN, 's', 'secret')).toThrow(/^key: not a private key in PEM form\.$/);
    for (const [domain, selector] of [
      ['a..b', 's'],
      ['example', 's'],
      ['example.com', 's; t'],
      ['EXAMPLE.com', 's'],
      ['example.com', ''],
    ])
      expect(() => readDkimKey(domain as string, selector as string, small)).toThrow(/domain|selector/);
  });
});

it('relaxes a field as RFC 6376 section 3.4.5 has it', () => {
  expect(splitMessage(Buffer.from('A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n')).fields.map(relaxedField)).toEqual([
    'a:X',
    'b:Y Z',
  ]);
});
