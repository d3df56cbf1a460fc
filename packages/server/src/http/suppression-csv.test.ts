import { describe, expect, test } from 'vitest';
import { PostriderError } from '../domain/errors.ts';
import { csvLine, parseCsv } from './csv.ts';
import { CSV_HEADER, readSuppressionCsv, suppressionLine } from './suppression-csv.ts';

function pathsOf(text: string, most = 100): string[] {
  try {
    readSuppressionCsv(text, most);
    return [];
  } catch (error) {
    return (error as PostriderError).errors.map((one) => one.path);
  }
}

describe('CSV', () => {
  test.each<[string, string[][]]>([
    [
      'a,b\r\nc,d\r\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'a,b\nc,d',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    ['a\rb\r', [['a'], ['b']]],
    ['\ufeffa\r\n', [['a']]],
    ['"a,b","c""d"\r\n', [['a,b', 'c"d']]],
    ['"a\r\nb",c\r\n', [['a\r\nb', 'c']]],
    ['a,,\r\n', [['a', '', '']]],
    ['\r\n\r\na\r\n\r\n', [['a']]],
    ['', []],
  ])('%j', (text, records) => {
    expect(parseCsv(text, 10).map((record) => record.fields)).toEqual(records);
  });

  test('lines are counted through quoted breaks', () => {
    expect(parseCsv('a\n"b\nc\nd"\ne\n', 10).map((record) => record.line)).toEqual([1, 2, 5]);
  });

  test('what is written is read again', () => {
    const fields = ['a', 'b,c', 'd"e', 'f\r\ng', ''];
    expect(parseCsv(csvLine(fields), 10)[0]?.fields).toEqual(fields);
  });
});

describe('the suppression list as CSV', () => {
  test('what is exported can be imported', () => {
    const record = {
      address: '"a,b"@example.com',
      reason: 'complaint',
      event_id: 'evt_1',
      created_at: 0,
    } as const;
    expect(readSuppressionCsv(CSV_HEADER + suppressionLine(record), 10)).toEqual([
      { address: '"a,b"@example.com', reason: 'complaint' },
    ]);
  });

  test.each([
    `=cmd|'/c'!a0@example.com`,
    '+1-555@example.com',
    '-a@example.com',
    '\uff0da@example.com',
    `=${'a'.repeat(63)}@example.com`,
  ])('a spreadsheet takes %s for text, and it is read again', (address) => {
    const line = suppressionLine({ address, reason: 'manual', event_id: null, created_at: 0 });
    expect(parseCsv(line, 1)[0]?.fields[0]).toMatch(/^"/);
    expect(readSuppressionCsv(CSV_HEADER + line, 10)).toEqual([{ address, reason: 'manual' }]);
  });

  test('columns are found by name, and each address is taken once', () => {
    const text = 'id,Reason,Email\n1,bounce,Ann@EXAMPLE.com\n2,,bea@example.com\n3,manual,Ann@example.com\n';
    expect(readSuppressionCsv(text, 10)).toEqual([
      { address: 'Ann@example.com', reason: 'bounce' },
      { address: 'bea@example.com', reason: 'manual' },
    ]);
  });

  test('a plain list of addresses will do', () => {
    expect(readSuppressionCsv('a@example.com\nb@example.com\n', 10)).toHaveLength(2);
  });

  test('every bad line is named', () => {
    expect(pathsOf('address,reason\nx\na@example.com,tired\nb@example.com\n')).toEqual(['/2', '/3']);
    expect(pathsOf('"a')).toEqual(['/1']);
    expect(pathsOf('"a"b')).toEqual(['/1']);
    expect(pathsOf('address\n')).toEqual(['']);
    expect(pathsOf('a@example.com\nb@example.com\nc@example.com\n', 1)).toEqual(['/3']);
    expect(pathsOf(','.repeat(100))).toEqual(['/1']);
    expect(pathsOf('x\n'.repeat(200), 1000)).toHaveLength(50);
  });
});
