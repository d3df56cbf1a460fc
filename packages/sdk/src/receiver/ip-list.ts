/** An allow list of addresses and CIDR blocks (RFC 4632; RFC 4291 section 2.3 for IPv6). */

interface Block {
  bytes: Uint8Array;
  bits: number;
}

/** Throws `TypeError` that names the entry which is neither address nor block. */
export function ipList(entries: readonly string[]): (address: string | undefined) => boolean {
  const blocks = entries.map(parseBlock);
  return (address) => {
    const bytes = address === undefined ? null : parseAddress(address);
    return bytes !== null && blocks.some((block) => within(bytes, block));
  };
}

function parseBlock(entry: string): Block {
  const [address = '', length, ...rest] = entry.split('/');
  const bytes = parseAddress(address);
  const width = address.includes(':') ? 128 : 32;
  const bits = length === undefined ? width : /^[0-9]{1,3}$/.test(length) ? Number(length) : Number.NaN;
  if (bytes === null || rest.length > 0 || !(bits <= width))
    throw new TypeError(`allowIps: ${JSON.stringify(entry)} is neither an address nor a CIDR block.`);
  return { bytes, bits: width === 32 ? bits + 96 : bits };
}

/** 16 bytes; IPv4 as its IPv4-mapped form, so that both notations of one address are the same. */
function parseAddress(address: string): Uint8Array | null {
  const bare = address.replace(/%.*$/, '');
  if (!bare.includes(':')) {
    const v4 = parseV4(bare);
    return v4 === null ? null : Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...v4]);
  }
  const tail = /^(.*:)([0-9]+(?:\.[0-9]+){3})$/.exec(bare);
  const v4 = tail === null ? null : parseV4(tail[2] as string);
  if (tail !== null && v4 === null) return null;
  const groups = v4 === null ? bare : `${tail?.[1]}${hex(v4[0], v4[1])}:${hex(v4[2], v4[3])}`;
  return parseV6(groups);
}

function hex(high = 0, low = 0): string {
  return (high * 256 + low).toString(16);
}

function parseV4(text: string): number[] | null {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part))) return null;
  const numbers = parts.map(Number);
  return numbers.every((number) => number < 256) ? numbers : null;
}

function parseV6(text: string): Uint8Array | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return Uint8Array.from(
    groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]),
  );
}

function within(bytes: Uint8Array, block: Block): boolean {
  for (let at = 0; at < 16; at++) {
    const bits = Math.min(8, Math.max(0, block.bits - at * 8));
    const mask = (0xff << (8 - bits)) & 0xff;
    if (((bytes[at] as number) & mask) !== ((block.bytes[at] as number) & mask)) return false;
  }
  return true;
}
