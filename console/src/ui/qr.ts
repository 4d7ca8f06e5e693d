// QR codes of short texts: bytes, error correction M, versions 1 to 20 (at most 666 bytes).
// Source: ISO/IEC 18004:2024; the tables are those of its clause 7.

/** A square of modules, row by row; true is dark. */
export type Modules = boolean[][];

/** What the largest version holds. */
export const QR_MAX_BYTES = 666;
const VERSION_MAX = 20;
/** Error correction codewords of a block, and blocks, by version from 1, at level M. */
const CORRECTION = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26];
const BLOCKS = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16];

const MASKS: ((x: number, y: number) => boolean)[] = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

/** Draw a text; `mask` is chosen by the standard's penalties unless given. Throws RangeError when it is too long. */
export function qrCode(text: string, mask?: number): Modules {
  const bytes = new TextEncoder().encode(text);
  const version = versionFor(bytes.length);
  const stream = interleaved(codewords(bytes, version), version);
  const masks = mask === undefined ? MASKS.map((_, index) => index) : [mask];
  const drawn = masks.map((each) => draw(version, stream, each));
  return drawn.reduce((best, each) => (penalty(each) < penalty(best) ? each : best));
}

function versionFor(length: number): number {
  for (let version = 1; version <= VERSION_MAX; version++) {
    if (4 + countBits(version) + 8 * length <= 8 * capacity(version)) return version;
  }
  throw new RangeError(`${length} bytes do not fit into a QR code of version ${VERSION_MAX}`);
}

const countBits = (version: number) => (version < 10 ? 8 : 16);
const at = (numbers: readonly number[], version: number) => numbers[version - 1] ?? 0;
const capacity = (version: number) => total(version) - at(CORRECTION, version) * at(BLOCKS, version);

/** Count the codewords of a version, data and correction. */
function total(version: number): number {
  let modules = (16 * version + 128) * version + 64;
  if (version >= 2) {
    const lines = Math.floor(version / 7) + 2;
    modules -= (25 * lines - 10) * lines - 55;
  }
  if (version >= 7) modules -= 36;
  return Math.floor(modules / 8);
}

function codewords(bytes: Uint8Array, version: number): number[] {
  const bits: number[] = [];
  const push = (value: number, length: number) => {
    for (let bit = length - 1; bit >= 0; bit--) bits.push((value >> bit) & 1);
  };
  push(4, 4);
  push(bytes.length, countBits(version));
  for (const byte of bytes) push(byte, 8);
  const room = 8 * capacity(version);
  push(0, Math.min(4, room - bits.length));
  push(0, -bits.length & 7);
  for (let pad = 0xec; bits.length < room; pad ^= 0xec ^ 0x11) push(pad, 8);
  const words: number[] = [];
  for (let start = 0; start < bits.length; start += 8) {
    words.push(bits.slice(start, start + 8).reduce((word, bit) => (word << 1) | bit, 0));
  }
  return words;
}

/** Cut data into blocks, add the correction of each, and deal them out in turn. */
function interleaved(data: readonly number[], version: number): number[] {
  const blocks = at(BLOCKS, version);
  const short = blocks - (data.length % blocks);
  const length = Math.floor(data.length / blocks);
  const divisor = generator(at(CORRECTION, version));
  const parts: number[][] = [];
  let start = 0;
  for (let block = 0; block < blocks; block++) {
    const end = start + length + (block < short ? 0 : 1);
    parts.push(data.slice(start, end));
    start = end;
  }
  return [...dealt(parts), ...dealt(parts.map((part) => remainder(part, divisor)))];
}

function dealt(parts: readonly number[][]): number[] {
  const longest = Math.max(...parts.map((part) => part.length));
  return Array.from({ length: longest }, (_, index) => parts.flatMap((part) => part.slice(index, index + 1))).flat();
}

function multiply(left: number, right: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit--) {
    product = (product << 1) ^ ((product >> 7) * 0x11d);
    if ((right >> bit) & 1) product ^= left;
  }
  return product;
}

/** The Reed-Solomon generator of a degree, without its leading 1. */
function generator(degree: number): number[] {
  let result = [1];
  let root = 1;
  for (let step = 0; step < degree; step++) {
    const factor = root;
    result = [...result, 0].map((each, index) => each ^ multiply(index > 0 ? (result[index - 1] ?? 0) : 0, factor));
    root = multiply(root, 2);
  }
  return result.slice(1);
}

function remainder(data: readonly number[], divisor: readonly number[]): number[] {
  let rest = divisor.map(() => 0);
  for (const word of data) {
    const factor = word ^ (rest[0] ?? 0);
    rest = [...rest.slice(1), 0].map((each, index) => each ^ multiply(divisor[index] ?? 0, factor));
  }
  return rest;
}

class Drawing {
  readonly modules: Modules;
  readonly #isFixed: boolean[][];

  constructor(readonly size: number) {
    this.modules = Array.from({ length: size }, () => new Array<boolean>(size).fill(false));
    this.#isFixed = Array.from({ length: size }, () => new Array<boolean>(size).fill(false));
  }

  isFree(x: number, y: number): boolean {
    return !this.#isFixed[y]?.[x];
  }

  set(x: number, y: number, isDark: boolean): void {
    const row = this.modules[y];
    if (row && x >= 0 && x < this.size) row[x] = isDark;
  }

  fix(x: number, y: number, isDark: boolean): void {
    const row = this.#isFixed[y];
    if (row && x >= 0 && x < this.size) row[x] = true;
    this.set(x, y, isDark);
  }

  square(centreX: number, centreY: number, radius: number, isLight: (distance: number) => boolean): void {
    for (let y = -radius; y <= radius; y++) {
      for (let x = -radius; x <= radius; x++) {
        this.fix(centreX + x, centreY + y, !isLight(Math.max(Math.abs(x), Math.abs(y))));
      }
    }
  }
}

function draw(version: number, stream: readonly number[], mask: number): Modules {
  const size = 17 + 4 * version;
  const drawing = new Drawing(size);
  for (let index = 0; index < size; index++) {
    drawing.fix(6, index, index % 2 === 0);
    drawing.fix(index, 6, index % 2 === 0);
  }
  for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]] as const) {
    drawing.square(x, y, 4, (distance) => distance === 2 || distance === 4);
  }
  const lines = alignment(version, size);
  for (const x of lines) {
    for (const y of lines) {
      const isCorner = (x === 6 && y === 6) || (x === 6 && y === size - 7) || (x === size - 7 && y === 6);
      if (!isCorner) drawing.square(x, y, 2, (distance) => distance === 1);
    }
  }
  drawFormat(drawing, mask);
  if (version >= 7) drawVersion(drawing, version);
  drawStream(drawing, stream, MASKS[mask] ?? (() => false));
  return drawing.modules;
}

function alignment(version: number, size: number): number[] {
  if (version === 1) return [];
  const lines = Math.floor(version / 7) + 2;
  const step = Math.floor((version * 8 + lines * 3 + 5) / (lines * 4 - 4)) * 2;
  return [6, ...Array.from({ length: lines - 1 }, (_, index) => size - 7 - index * step)];
}

/** Append the check bits of a Bose-Chaudhuri-Hocquenghem code. */
function checked(value: number, length: number, polynomial: number): number {
  let rest = value;
  for (let bit = 0; bit < length; bit++) rest = (rest << 1) ^ ((rest >> (length - 1)) * polynomial);
  return (value << length) | rest;
}

function drawFormat(drawing: Drawing, mask: number): void {
  const bits = checked(mask, 10, 0x537) ^ 0x5412; // level M is 00
  const isDark = (bit: number) => ((bits >> bit) & 1) === 1;
  const last = drawing.size - 1;
  for (let bit = 0; bit <= 5; bit++) drawing.fix(8, bit, isDark(bit));
  drawing.fix(8, 7, isDark(6));
  drawing.fix(8, 8, isDark(7));
  drawing.fix(7, 8, isDark(8));
  for (let bit = 9; bit < 15; bit++) drawing.fix(14 - bit, 8, isDark(bit));
  for (let bit = 0; bit < 8; bit++) drawing.fix(last - bit, 8, isDark(bit));
  for (let bit = 8; bit < 15; bit++) drawing.fix(8, last - 14 + bit, isDark(bit));
  drawing.fix(8, last - 7, true);
}

function drawVersion(drawing: Drawing, version: number): void {
  const bits = checked(version, 12, 0x1f25);
  for (let bit = 0; bit < 18; bit++) {
    const [far, near] = [drawing.size - 11 + (bit % 3), Math.floor(bit / 3)];
    drawing.fix(far, near, ((bits >> bit) & 1) === 1);
    drawing.fix(near, far, ((bits >> bit) & 1) === 1);
  }
}

/** Lay the stream out in columns of two, up and down, from the right; the timing column is left out. */
function drawStream(drawing: Drawing, stream: readonly number[], mask: (x: number, y: number) => boolean): void {
  let bit = 0;
  for (let pair = 0; pair < (drawing.size - 1) / 2; pair++) {
    const right = drawing.size - 1 - 2 * pair - (drawing.size - 1 - 2 * pair <= 6 ? 1 : 0);
    for (let step = 0; step < drawing.size; step++) {
      const y = pair % 2 === 0 ? drawing.size - 1 - step : step;
      for (const x of [right, right - 1]) {
        if (!drawing.isFree(x, y)) continue;
        const isSet = (((stream[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) === 1;
        drawing.set(x, y, isSet !== mask(x, y));
        bit++;
      }
    }
  }
}

function penalty(modules: Modules): number {
  const size = modules.length;
  const columns = modules.map((_, x) => modules.map((row) => row[x] ?? false));
  let found = 0;
  for (const line of [...modules, ...columns]) {
    const text = line.map((isDark) => (isDark ? '1' : '0')).join('');
    for (const run of text.match(/1{5,}|0{5,}/gu) ?? []) found += run.length - 2;
    for (const pattern of ['10111010000', '00001011101']) {
      for (let start = text.indexOf(pattern); start >= 0; start = text.indexOf(pattern, start + 1)) found += 40;
    }
  }
  for (let y = 1; y < size; y++) {
    for (let x = 1; x < size; x++) {
      const [here, above] = [modules[y], modules[y - 1]];
      if (here?.[x] === here?.[x - 1] && here?.[x] === above?.[x] && here?.[x] === above?.[x - 1]) found += 3;
    }
  }
  const dark = modules.flat().filter(Boolean).length;
  return found + 10 * Math.floor(Math.abs((20 * dark) / (size * size) - 10));
}
