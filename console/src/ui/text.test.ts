import { describe, expect, it } from 'vitest';
import { ago, called, csvCell, plainJson, queryText, shellQuote, visible } from './text';

describe('text from outside', () => {
  it('shows what cannot be seen', () => {
    expect(visible('a\u202eb\u200bc\u001b[31m')).toBe('a⟨U+202E⟩b⟨U+200B⟩c⟨U+001B⟩[31m');
    expect(visible('<script>')).toBe('<script>');
  });
  it('is one argument in a shell', () => {
    expect(shellQuote('pump-1')).toBe('pump-1');
    expect(shellQuote('$(reboot)')).toBe("'$(reboot)'");
    expect(shellQuote("it's")).toBe(`'it'\\''s'`);
    expect(shellQuote('')).toBe("''");
    expect(shellQuote("a'\\\u0003\u202e")).toBe(`$'a\\'\\\\\\x03\\xe2\\x80\\xae'`);
  });
  it('is JSON without anything unseen', () => {
    const value = { a: 'x\u202e\u001b\u007f' };
    expect(plainJson(value)).toBe('{"a":"x\\u202e\\u001b\\u007f"}');
    expect(JSON.parse(plainJson(value))).toEqual(value);
  });
  it('is a text in a query', () => {
    expect(queryText("it's\\ \u202e")).toBe(`'it\\'s\\\\ \\u202e'`);
  });
  it('is no formula in a spreadsheet', () => {
    expect(csvCell('=HYPERLINK("x")')).toBe(`"'=HYPERLINK(""x"")"`);
    expect(csvCell('plain')).toBe('plain');
  });
  it('says how long ago', () => {
    const now = Date.parse('2026-11-22T12:00:00Z');
    expect(ago('2026-11-22T11:57:00Z', now)).toBe('3 minutes ago');
    expect(ago('2026-11-24T12:00:00Z', now)).toBe('in 2 days');
    expect(ago('2026-11-22T12:00:03Z', now)).toBe('now');
    expect(ago('2026-11-22T12:00:30Z', now)).toBe('in 30 seconds');
  });
  it('names what has only a generated id by its kind', () => {
    expect(called('link:lnk_06h07t5vqdu5r2sh82fiuove6g')).toBe('a login link');
    expect(called('enr_06h07t5vqdu5r2sh82fiuove6g')).toBe('enr_06h07t…');
    expect(called('operator-token')).toBe('operator-token');
  });
});
