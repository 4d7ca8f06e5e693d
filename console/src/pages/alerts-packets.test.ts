import { expect, test } from 'vitest';
import { hexDump, packetWords, readPackets } from './alerts-packets';

function block(kind: number, body: number[]): number[] {
  const word = (value: number) => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, (value >>> 24) & 255];
  const padded = [...body, ...new Array<number>((4 - (body.length % 4)) % 4).fill(0)];
  const size = word(padded.length + 12);
  return [...word(kind), ...size, ...padded, ...size];
}

const SECTION = block(0x0a0d0d0a, [0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
const FRAME = [
  ...new Array<number>(12).fill(1), 8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 9, 10, 0, 0, 2, 0x9c, 0x40, 1, 0xf6,
]; // prettier-ignore
const PACKET = block(6, [0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, FRAME.length, 0, 0, 0, 90, 0, 0, 0, ...FRAME]);
const bufferOf = (bytes: number[]) => new Uint8Array(bytes).buffer;

test('packets are read with their time and their size on the wire', () => {
  const [packet, ...others] = readPackets(bufferOf([...SECTION, ...PACKET]));
  expect(others).toEqual([]);
  expect(packet).toMatchObject({ at: 5, size: 90 });
  expect(packet && packetWords(packet)).toBe('10.0.0.9:40000 → 10.0.0.2:502 TCP');
});

test('time is told in the ticks of the interface', () => {
  const nanoseconds = block(1, [1, 0, 0, 0, 0, 0, 1, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
  const [packet] = readPackets(bufferOf([...SECTION, ...nanoseconds, ...PACKET]));
  expect(packet?.at).toBeCloseTo(0.005);
  const lying = block(1, [1, 0, 0, 0, 0, 0, 1, 0, 9, 0, 255, 255]);
  expect(readPackets(bufferOf([...SECTION, ...lying, ...PACKET]))).toHaveLength(1);
});

test('a broken capture ends where it breaks', () => {
  expect(readPackets(bufferOf([...SECTION, ...PACKET.slice(0, 40)]))).toEqual([]);
  const lying = [...PACKET];
  lying[20] = 255;
  expect(readPackets(bufferOf([...SECTION, ...lying]))).toEqual([]);
  expect(readPackets(bufferOf([1, 2, 3]))).toEqual([]);
  expect(readPackets(bufferOf(new Array<number>(64).fill(0)))).toEqual([]);
});

test('bytes are written as people read them', () => {
  expect(hexDump(new Uint8Array([0x41, 0x00, 0xff]))).toBe(`0000  41 00 ff${' '.repeat(39)}  A..`);
  expect(hexDump(new Uint8Array(17)).split('\n')).toHaveLength(2);
});
