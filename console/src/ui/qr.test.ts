import { describe, expect, it } from 'vitest';
import { qrCode } from './qr';

const LINK =
  'otpauth://totp/Vedette:anna?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Vedette&algorithm=SHA1&digits=6&period=30';

const rows = (text: string, mask?: number) =>
  qrCode(text, mask).map((row) => row.map((isDark) => (isDark ? '1' : '0')).join(''));

const summed = (text: string) => [...text].reduce((sum, each) => (Math.imul(sum, 31) + each.charCodeAt(0)) >>> 0, 0);

// What another encoder made of the same texts (segno 1.6.6, without the zero byte that it adds before its padding).
describe('a QR code', () => {
  it('is the one that the standard says', () => {
    expect(rows('Vedette', 0).map((row) => Number.parseInt(row, 2).toString(16).padStart(6, '0'))).toEqual([
      '1fc57f', '105941', '17495d', '174a5d', '17515d', '104d41', '1fd57f', '000300',
      '154e12', '1a2463', '05f11f', '1e9043', '0ce173', '001ab0', '1fcaf7', '1047a1',
      '1756f3', '174852', '17593d', '104c62', '1fd97b',
    ]);
  });

  it.each([
    [7, LINK, 4, 0xc5e1378c] as const,
    [7, 'ä'.repeat(60), 7, 0xf4e9a6be] as const,
    [10, 'x'.repeat(213), 2, 0xa303c59a] as const,
    [13, 'y'.repeat(300), 5, 0x06d8b7b2] as const,
    [20, 'q'.repeat(666), 0, 0x0d5fad6c] as const,
  ])('of version %i is the one that another encoder makes', (version, text, mask, sum) => {
    const drawn = rows(text, mask);
    expect(drawn.length).toBe(17 + 4 * version);
    expect(summed(drawn.join('\n'))).toBe(sum);
  });

  it('has the mask with the fewest penalties', () => {
    expect(rows(LINK)).toEqual(rows(LINK, 4));
  });

  it('holds 666 bytes and not one more', () => {
    expect(qrCode('q'.repeat(666)).length).toBe(97);
    expect(() => qrCode('q'.repeat(667))).toThrow(RangeError);
  });
});
