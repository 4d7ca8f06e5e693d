// A list of addresses, cut by lines into parts that the API takes; it is read as a stream, however long it is.

import { base64 } from './advisories-pack';

export const PART_LINES = 30_000;
export const FILE_MAX = 256 * 1024 * 1024;
const HEADING = /^"?[0-9]/u;

/** Cut lines into parts; each begins with the heading, where there is one. */
export async function* cut(chunks: AsyncIterable<string>, most = PART_LINES): AsyncGenerator<string> {
  let heading: string | null = null;
  let rest = '';
  let lines: string[] = [];
  const take = (line: string) => {
    if (heading === null) {
      heading = HEADING.test(line) ? '' : `${line}\n`;
      if (heading) return;
    }
    lines.push(line);
  };
  const part = () => {
    const text = `${heading ?? ''}${lines.join('\n')}\n`;
    lines = [];
    return text;
  };
  for await (const chunk of chunks) {
    const found = (rest + chunk).split('\n');
    rest = found.pop() ?? '';
    for (const line of found) {
      take(line.replace(/\r$/u, ''));
      if (lines.length >= most) yield part();
    }
  }
  if (rest) take(rest);
  if (lines.length > 0) yield part();
}

async function* textOf(file: Blob): AsyncGenerator<string> {
  const magic = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  const isGzip = magic[0] === 0x1f && magic[1] === 0x8b;
  const bytes = isGzip ? file.stream().pipeThrough(new DecompressionStream('gzip')) : file.stream();
  const reader = bytes.pipeThrough(new TextDecoderStream()).getReader();
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    size += value.length;
    if (size > FILE_MAX) {
      await reader.cancel();
      throw new Error(`It holds more than ${FILE_MAX.toLocaleString('en')} characters.`);
    }
    yield value;
  }
}

async function packed(text: string): Promise<string> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'));
  return base64(new Uint8Array(await new Response(stream).arrayBuffer()));
}

/** Hand a file over part by part; the last one is told as such. */
export async function handOver<T extends { list_id: string }>(
  file: File,
  send: (part: { name: string; content: string; list_id: string; is_last: boolean }) => Promise<T>,
  onPart: (count: number) => void,
): Promise<T | null> {
  let taken: T | null = null;
  let waiting: string | null = null;
  let count = 0;
  const hand = async (text: string, is_last: boolean) => {
    taken = await send({ name: file.name.slice(0, 256), content: await packed(text), list_id: taken?.list_id ?? '', is_last });
    count += 1;
    onPart(count);
  };
  for await (const text of cut(textOf(file))) {
    if (waiting !== null) await hand(waiting, false);
    waiting = text;
  }
  if (waiting !== null) await hand(waiting, true);
  return taken;
}
