// Files of advisories and scores, packed in the browser into parts that the API takes. Pure but for the browser's own
// compression: CSAF documents become small zips, tables of scores are cut by lines, each with its heading.

export const DOCUMENT_MAX = 16 * 1024 * 1024;
export const FEED_MAX = 64 * 1024 * 1024;
export const ZIP_MAX = 256 * 1024 * 1024;
export const FILES_MAX = 20_000;
// A million characters of base64 is what the API takes in one request.
const PART_BYTES = 700_000;
const PART_RAW_BYTES = 28 * 1024 * 1024;
const PART_FILES = 100;
const PART_LINES = 50_000;
const ENTRY_BYTES = 600;
const STORED = 0;
const DEFLATED = 8;
const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_BYTES = 22;
const COMMENT_MAX = 65_535;

/** A member of a zip, still as it was packed. */
export interface Packed {
  name: string;
  method: number;
  crc: number;
  size: number;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Files that go in one request. */
export interface Part {
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
  files: number;
}

/** What a person chose, as far as it is needed here. */
export interface Chosen {
  name: string;
  size: number;
  bytes: () => Promise<Uint8Array<ArrayBuffer>>;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

export function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = CRC_TABLE[(value ^ byte) & 0xff]! ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  stream: CompressionStream | DecompressionStream,
  most: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  const found: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > most) {
      await reader.cancel();
      throw new Error(`It holds more than ${most.toLocaleString('en')} bytes.`);
    }
    found.push(value as Uint8Array<ArrayBuffer>);
  }
  return joined(found);
}

function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, each) => sum + each.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

async function plain(bytes: Uint8Array<ArrayBuffer>, most: number): Promise<Uint8Array<ArrayBuffer>> {
  if (!isGzip(bytes)) return bytes;
  try {
    return await through(bytes, new DecompressionStream('gzip'), most);
  } catch (error) {
    throw error instanceof Error && error.message.startsWith('It holds') ? error : new Error('It is a damaged gzip file.');
  }
}

/** Read the members of a zip without unpacking them; throws what is wrong with it. */
export function readZip(bytes: Uint8Array<ArrayBuffer>): Packed[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = bytes.length - END_BYTES;
  const first = Math.max(0, end - COMMENT_MAX);
  while (end >= first && view.getUint32(end, true) !== END) end -= 1;
  if (end < first || end < 0) throw new Error('It is no zip file, or a damaged one.');
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  if (count === 0xffff || at === 0xffffffff) throw new Error('It is a zip of more than 65,534 files: unpack it, and choose the folder.');
  const text = new TextDecoder();
  const found: Packed[] = [];
  for (let index = 0; index < count; index += 1) {
    if (at + 46 > end || view.getUint32(at, true) !== CENTRAL) throw new Error('It is a damaged zip file.');
    const flags = view.getUint16(at + 8, true);
    const method = view.getUint16(at + 10, true);
    const size = view.getUint32(at + 24, true);
    const packedSize = view.getUint32(at + 20, true);
    const nameSize = view.getUint16(at + 28, true);
    const name = text.decode(bytes.subarray(at + 46, at + 46 + nameSize));
    const local = view.getUint32(at + 42, true);
    const next = at + 46 + nameSize + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (flags & 1) throw new Error(`${name} is encrypted.`);
    if (local + 30 > end || view.getUint32(local, true) !== LOCAL) throw new Error('It is a damaged zip file.');
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    if (start + packedSize > end) throw new Error('It is a damaged zip file.');
    if (!name.endsWith('/')) {
      if (method !== STORED && method !== DEFLATED) throw new Error(`${name} is packed in a way that is not read here.`);
      found.push({ name, method, crc: view.getUint32(at + 16, true), size, bytes: bytes.subarray(start, start + packedSize) });
    }
    at = next;
  }
  return found;
}

/** Write members as a zip. */
export function writeZip(members: Packed[]): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder();
  const local: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let offset = 0;
  for (const member of members) {
    const name = text.encode(member.name);
    const head = new DataView(new ArrayBuffer(30));
    head.setUint32(0, LOCAL, true);
    head.setUint16(4, 20, true);
    // Names are UTF-8.
    head.setUint16(6, 0x0800, true);
    head.setUint16(8, member.method, true);
    head.setUint16(12, 0x21, true);
    head.setUint32(14, member.crc, true);
    head.setUint32(18, member.bytes.length, true);
    head.setUint32(22, member.size, true);
    head.setUint16(26, name.length, true);
    const entry = new DataView(new ArrayBuffer(46));
    entry.setUint32(0, CENTRAL, true);
    entry.setUint16(4, 20, true);
    for (let at = 4; at < 30; at += 2) entry.setUint16(at + 2, head.getUint16(at, true), true);
    entry.setUint32(42, offset, true);
    local.push(new Uint8Array(head.buffer), name, member.bytes);
    central.push(new Uint8Array(entry.buffer), name);
    offset += 30 + name.length + member.bytes.length;
  }
  const directory = joined(central);
  const tail = new DataView(new ArrayBuffer(END_BYTES));
  tail.setUint32(0, END, true);
  tail.setUint16(8, members.length, true);
  tail.setUint16(10, members.length, true);
  tail.setUint32(12, directory.length, true);
  tail.setUint32(16, offset, true);
  return joined([...local, directory, new Uint8Array(tail.buffer)]);
}

function base(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

async function deflated(name: string, content: Uint8Array<ArrayBuffer>): Promise<Packed> {
  const bytes = await through(content, new CompressionStream('deflate-raw'), DOCUMENT_MAX * 2);
  return { name, method: DEFLATED, crc: crc32(content), size: content.length, bytes };
}

/** Read the documents, with the digests beside them, of what was chosen: JSON, gzip, zips. */
async function* documents(chosen: Chosen[]): AsyncGenerator<Packed[]> {
  const digests = new Map(chosen.filter((each) => /\.sha(256|512)$/u.test(each.name)).map((each) => [each.name, each]));
  for (const file of chosen) {
    if (file.name.endsWith('.zip')) {
      if (file.size > ZIP_MAX) throw new Error(`${file.name} has over ${ZIP_MAX.toLocaleString('en')} bytes.`);
      const members = readZip(await file.bytes());
      const byName = new Map(members.map((each) => [each.name, each]));
      for (const member of members) {
        if (!member.name.endsWith('.json')) continue;
        const beside = ['.sha256', '.sha512'].map((kind) => byName.get(member.name + kind)).filter((each) => each !== undefined);
        yield [member, ...beside];
      }
    } else if (/\.json(\.gz)?$/u.test(file.name) && base(file.name) !== 'index.txt') {
      if (file.size > DOCUMENT_MAX) throw new Error(`${file.name} has over ${DOCUMENT_MAX.toLocaleString('en')} bytes.`);
      const name = base(file.name).replace(/\.gz$/u, '');
      const found = [await deflated(name, await plain(await file.bytes(), DOCUMENT_MAX))];
      for (const kind of ['.sha256', '.sha512']) {
        const digest = file.name.endsWith('.gz') ? undefined : digests.get(file.name + kind);
        if (digest && digest.size <= 1024) found.push(await deflated(name + kind, await digest.bytes()));
      }
      yield found;
    }
  }
}

/** Yield parts that the API takes; throws what is wrong with what was chosen. */
export async function* advisoryParts(chosen: Chosen[]): AsyncGenerator<Part> {
  let waiting: Packed[] = [];
  let names: string[] = [];
  let packed = 0;
  let raw = 0;
  let count = 0;
  const pack = (): Part => {
    const name = names.length === 1 ? names[0]! : `${names[0]} … ${names.at(-1)}`;
    const part = { name: name.slice(0, 256), bytes: writeZip(waiting), files: names.length };
    [waiting, names, packed, raw] = [[], [], 0, 0];
    return part;
  };
  for await (const members of documents(chosen)) {
    count += 1;
    if (count > FILES_MAX) throw new Error(`More than ${FILES_MAX.toLocaleString('en')} files: take the command line.`);
    const first = members[0]!;
    const size = members.reduce((sum, each) => sum + each.bytes.length + ENTRY_BYTES, 0);
    if (size > PART_BYTES) throw new Error(`${base(first.name)} is too large to hand over: ${size.toLocaleString('en')} bytes compressed.`);
    if (waiting.length > 0 && (packed + size > PART_BYTES || names.length >= PART_FILES || raw + first.size > PART_RAW_BYTES)) yield pack();
    // Files of two folders may have one name.
    waiting.push(...members.map((each) => ({ ...each, name: `${names.length}/${base(each.name)}` })));
    names.push(base(first.name));
    packed += size;
    raw += first.size;
  }
  if (waiting.length > 0) yield pack();
}

/** Yield a catalog whole, or a table of scores in parts, each with its first two lines. */
export async function* feedParts(feed: 'kev' | 'epss', file: Chosen): AsyncGenerator<Part> {
  if (file.size > FEED_MAX) throw new Error(`${file.name} has over ${FEED_MAX.toLocaleString('en')} bytes.`);
  const content = await plain(await file.bytes(), FEED_MAX);
  const gzip = (bytes: Uint8Array<ArrayBuffer>) => through(bytes, new CompressionStream('gzip'), FEED_MAX);
  if (feed === 'kev') {
    const bytes = await gzip(content);
    if (bytes.length > PART_BYTES) throw new Error(`${file.name} is too large to hand over: ${bytes.length.toLocaleString('en')} bytes compressed.`);
    yield { name: base(file.name), bytes, files: 1 };
    return;
  }
  const lines = new TextDecoder().decode(content).split('\n');
  if (lines.at(-1) === '') lines.pop();
  if (lines.length < 3 || !lines[0]!.startsWith('#')) throw new Error(`${file.name} is no file of exploit scores: its first line names the day.`);
  const text = new TextEncoder();
  for (let start = 2; start < lines.length; start += PART_LINES) {
    const part = [...lines.slice(0, 2), ...lines.slice(start, start + PART_LINES)].join('\n');
    yield { name: `${base(file.name)} from line ${start + 1}`, bytes: await gzip(text.encode(`${part}\n`)), files: 1 };
  }
}

/** Write bytes in base64. */
export function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
