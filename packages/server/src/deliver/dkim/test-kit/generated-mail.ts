/** Mails as odd as the grammar allows, the same ones for the same seed. One character per octet. */

export interface Chance {
  /** From 0 to `below` - 1. */
  upTo(below: number): number;
  pick<T>(from: readonly T[]): T;
}

/** xorshift32 (Marsaglia 2003). */
export function chance(seed: number): Chance {
  let state = seed | 0 || 1;
  const upTo = (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  return { upTo, pick: (from) => from[upTo(from.length)] as never };
}

const FOLDS = [' ', '  ', '\t', '\r\n ', '\r\n\t', ' \r\n  ', '\t\r\n \t', ' \t '];
const WORDS = [
  'a',
  'Re:',
  'gr\u00c3\u00bc\u00c3\u00dfe',
  '=?utf-8?q?=C3=BC?=',
  '<x@example.com>',
  ';b=1;',
  'v=1',
  '\u00a0',
  '"q"',
];

export function generatedMail(seed: number): string {
  const random = chance(seed * 7919 + 17);
  const text = (): string =>
    Array.from({ length: 1 + random.upTo(9) }, () => random.pick(WORDS)).join(random.pick(FOLDS));
  const header = [`From:${random.pick(['', ' ', '\t', '\r\n '])}Ann <ann@example.com>`];
  const names = [
    'To',
    'TO',
    'Cc',
    'Subject',
    'sUBJECT',
    'Date',
    'Message-ID',
    'Reply-To',
    'MIME-Version',
    'X-Odd',
    'List-Id',
  ];
  const more = ['Content-Type', 'List-Unsubscribe', 'List-Unsubscribe-Post', 'Received', 'References'];
  for (let n = random.upTo(16); n > 0; n--) {
    const field = `${random.pick([...names, ...more])}:${random.pick(['', ' ', '\t ', ' \r\n '])}${text()}${random.pick(['', ' ', '\t\t'])}`;
    header.splice(random.upTo(header.length + 1), 0, field);
  }
  return `${header.join('\r\n')}\r\n${generatedBody(random)}`;
}

function generatedBody(random: Chance): string {
  // Once in a while not even the empty line is there.
  if (random.upTo(20) === 0) return '';
  const lines = Array.from({ length: random.pick([0, 0, 1, 3, 40, 300]) }, () => line(random));
  const end = random.pick(['', '\r\n', '\r\n\r\n', '\r\n \r\n\t\r\n\r\n', '  ', ' \t\r\n']);
  return `\r\n${lines.join('\r\n')}${end}`;
}

function line(random: Chance): string {
  const octets = (length: number): string =>
    Array.from({ length }, () => {
      const octet = random.upTo(256);
      return octet === 0x0a || octet === 0x0d ? ' ' : String.fromCharCode(octet);
    }).join('');
  switch (random.upTo(7)) {
    case 0:
      return '';
    case 1:
      return random.pick([' ', '\t', ' \t  ']);
    case 2:
      return octets(random.upTo(40));
    case 3:
      return random.upTo(20) === 0 ? octets(998 + random.upTo(5000)) : octets(60);
    case 4:
      return `${random.pick(FOLDS).replaceAll('\r\n', '')}indented  text\t`;
    case 5:
      return '.';
    default:
      return 'The quick brown fox  jumps over the lazy dog. ';
  }
}
