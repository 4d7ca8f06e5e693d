import { describe, expect, it } from 'vitest';
import { advisoryParts, base64, type Chosen, crc32, feedParts, type Part, readZip, writeZip } from './advisories-pack';

const text = new TextEncoder();
const bytesOf = (content: string) => text.encode(content) as Uint8Array<ArrayBuffer>;

function chosen(name: string, content: string | Uint8Array): Chosen {
  const bytes = typeof content === 'string' ? bytesOf(content) : new Uint8Array(content);
  return { name, size: bytes.length, bytes: () => Promise.resolve(bytes) };
}

async function all(parts: AsyncGenerator<Part>): Promise<Part[]> {
  const found: Part[] = [];
  for await (const part of parts) found.push(part);
  return found;
}

async function through(content: string | Uint8Array<ArrayBuffer>, stream: CompressionStream | DecompressionStream) {
  return new Uint8Array(await new Response(new Blob([content]).stream().pipeThrough(stream)).arrayBuffer());
}

const gzip = (content: string | Uint8Array<ArrayBuffer>) => through(content, new CompressionStream('gzip'));
const gunzip = async (part: Part) => new TextDecoder().decode(await through(part.bytes, new DecompressionStream('gzip')));

async function unpacked(part: Part): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const each of readZip(part.bytes)) {
    const bytes = each.method === 8 ? await through(each.bytes, new DecompressionStream('deflate-raw')) : each.bytes;
    found[each.name] = new TextDecoder().decode(bytes);
  }
  return found;
}

/** Letters that no compression makes much smaller. */
function noise(seed: number): string {
  let state = seed + 1;
  return Array.from({ length: 60_000 }, () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 374761393) | 0;
    return ((state >>> 9) % 36).toString(36);
  }).join('');
}

it('computes the checksum that zips carry', () => {
  expect(crc32(bytesOf('123456789'))).toBe(0xcbf43926);
});

it('writes base64', () => {
  expect(base64(new Uint8Array([0, 255, 16]))).toBe('AP8Q');
  expect(atob(base64(new Uint8Array(100_000).fill(65)))).toBe('A'.repeat(100_000));
});

describe('advisories', () => {
  it('are packed with the digests that stand beside them', async () => {
    const [part] = await all(
      advisoryParts([chosen('2026/a.json', '{"a":1}'), chosen('2026/a.json.sha256', 'abc'), chosen('notes.txt', 'x')]),
    );
    expect(await unpacked(part!)).toEqual({ '0/a.json': '{"a":1}', '0/a.json.sha256': 'abc' });
    expect([part!.files, part!.name]).toEqual([1, 'a.json']);
  });

  it('are unpacked from gzip, and taken over from zips as they are', async () => {
    const [inner] = await all(advisoryParts([chosen('b.json', '{"b":2}'), chosen('c.json', '{"c":3}')]));
    const [part] = await all(advisoryParts([chosen('a.json.gz', await gzip('{"a":1}')), chosen('more.zip', inner!.bytes)]));
    expect(await unpacked(part!)).toEqual({ '0/a.json': '{"a":1}', '1/b.json': '{"b":2}', '2/c.json': '{"c":3}' });
  });

  it('go in parts that the platform takes', async () => {
    const parts = await all(advisoryParts(Array.from({ length: 40 }, (_, index) => chosen(`${index}.json`, noise(index * 77)))));
    expect(parts.length).toBeGreaterThan(1);
    expect(parts.reduce((sum, part) => sum + part.files, 0)).toBe(40);
    for (const part of parts) expect(base64(part.bytes).length).toBeLessThan(1_000_000);
  });

  it('of more than a hundred small files go a hundred at a time', async () => {
    const parts = await all(advisoryParts(Array.from({ length: 250 }, (_, index) => chosen(`${index}.json`, '{}'))));
    expect(parts.map((part) => part.files)).toEqual([100, 100, 50]);
  });

  it.each([
    ['no zip', 'x.zip', bytesOf('PK whatever')],
    ['an empty file', 'x.zip', new Uint8Array()],
    ['damaged gzip', 'x.json.gz', new Uint8Array([0x1f, 0x8b, 8, 0, 1, 2, 3])],
  ])('that cannot be read are told: %s', async (_, name, content) => {
    await expect(all(advisoryParts([chosen(name, content)]))).rejects.toThrow(/damaged/u);
  });

  it('are no way around the limit of a document', async () => {
    const bomb = await gzip(new Uint8Array(17 * 1024 * 1024));
    await expect(all(advisoryParts([chosen('bomb.json.gz', bomb)]))).rejects.toThrow('It holds more than');
  });

  it('in a zip whose directory lies are refused', async () => {
    const [part] = await all(advisoryParts([chosen('a.json', '{"a":1}')]));
    for (let at = 0; at < part!.bytes.length; at += 1) {
      const bytes = part!.bytes.slice();
      bytes[at] = bytes[at]! ^ 0xff;
      try {
        for (const each of readZip(bytes)) expect(each.bytes.length).toBeLessThanOrEqual(bytes.length);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        expect((error as Error).name).toBe('Error');
      }
    }
  });
});

it('a zip is read as it was written', () => {
  const members = [{ name: 'ä.json', method: 0, crc: crc32(bytesOf('{}')), size: 2, bytes: bytesOf('{}') }];
  expect(readZip(writeZip(members))).toEqual(members);
});

describe('scores', () => {
  const table = (rows: number) =>
    ['#model_version:v2026,score_date:2026-06-01', 'cve,epss,percentile', ...Array.from({ length: rows }, (_, n) => `CVE-1-${n},0.1,0.5`)].join('\n');

  it('are cut by lines, each part with its heading', async () => {
    const parts = await all(feedParts('epss', chosen('epss.csv.gz', await gzip(table(120_000)))));
    expect(parts.map((part) => part.name)).toEqual(['epss.csv.gz from line 3', 'epss.csv.gz from line 50003', 'epss.csv.gz from line 100003']);
    const lines = await Promise.all(parts.map(async (part) => (await gunzip(part)).trim().split('\n')));
    expect(lines.map((each) => each.length)).toEqual([50_002, 50_002, 20_002]);
    expect(new Set(lines.map((each) => each[0])).size).toBe(1);
  });

  it('that are none are refused', async () => {
    await expect(all(feedParts('epss', chosen('x.csv', 'cve,epss\nCVE-1,0.1\n')))).rejects.toThrow('no file of exploit scores');
  });

  it('and a catalog goes whole', async () => {
    const [part] = await all(feedParts('kev', chosen('kev.json', '{"vulnerabilities":[]}')));
    expect(await gunzip(part!)).toBe('{"vulnerabilities":[]}');
  });
});
