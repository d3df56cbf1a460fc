import { expect, test } from 'vitest';
import { ContentReader } from './content-reader.ts';
import { messageContent } from './message-content.ts';

const HEADER = 'From: ann@example.com\r\nSubject: Hi\r\n';

function textOf(lines: number, line = 'x'): Buffer {
  return Buffer.from(`${HEADER}\r\n${`${line}\r\n`.repeat(lines)}`);
}

test('a large message is shown as a small one is', async () => {
  const content = new ContentReader();
  const large = textOf(2000, 'a line of text that makes it large enough for the thread');
  expect(await content.read(large)).toEqual(await messageContent(large));
  expect((await content.read(textOf(2))).text).toBe('x\nx\n');
});

test('more lines than any mail has are refused before a parser sees them', async () => {
  await expect(new ContentReader().read(textOf(400_001, ''))).rejects.toMatchObject({
    code: 'message_too_large',
    message: expect.stringContaining('400000 lines') as string,
  });
});

test('parts nested deeper than the parser goes are refused, and are no fault of ours', async () => {
  let nested = HEADER;
  for (let level = 0; level < 300; level++)
    nested += `Content-Type: multipart/mixed; boundary=b${level}\r\n\r\n--b${level}\r\n`;
  await expect(new ContentReader().read(Buffer.from(nested))).rejects.toMatchObject({
    code: 'message_too_large',
  });
});

test('a message that takes too long is given up, while the main thread goes on', async () => {
  let turns = 0;
  const turning = setInterval(() => turns++, 5);
  await expect(new ContentReader(300).read(textOf(300_000))).rejects.toMatchObject({
    code: 'message_too_large',
    message: expect.stringContaining('300 ms') as string,
  });
  clearInterval(turning);
  expect(turns).toBeGreaterThan(10);
});

test('large messages wait for one another, and only so many', async () => {
  const content = new ContentReader();
  const reads = Array.from({ length: 9 }, () => content.read(textOf(1001)));
  const settled = await Promise.allSettled(reads);
  expect(settled.map(({ status }) => status)).toEqual([...Array<string>(8).fill('fulfilled'), 'rejected']);
  expect(settled[8]).toMatchObject({ reason: { code: 'overloaded', retryAfterSeconds: 5 } });
  expect((await content.read(textOf(1001))).subject).toBe('Hi');
});
