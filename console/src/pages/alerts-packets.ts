// The packets behind an alert: a capture file (pcapng) read as far as a person wants to see it. What it holds comes from
// a hostile network, so every length is checked.

export interface Packet {
  /** Microseconds since 1970, where the file says so. */
  at: number;
  bytes: Uint8Array;
  /** As long as it was on the wire. */
  size: number;
}

const SECTION = 0x0a0d0d0a;
const LITTLE = 0x1a2b3c4d;
const INTERFACE = 1;
const ENHANCED = 6;
const RESOLUTION = 9;
const MICROSECONDS = 6;
const PACKETS_MAX = 500;
const BLOCK_MIN = 12;

/** Return the packets of a capture; what is broken ends the list. */
export function readPackets(capture: ArrayBuffer): Packet[] {
  const view = new DataView(capture);
  const found: Packet[] = [];
  let isLittle = true;
  let place = 0;
  // How many microseconds a tick is, by interface.
  const ticks: number[] = [];
  while (place + BLOCK_MIN <= view.byteLength && found.length < PACKETS_MAX) {
    if (view.getUint32(place, true) === SECTION) isLittle = view.getUint32(place + 8, true) === LITTLE;
    const kind = view.getUint32(place, isLittle);
    const size = view.getUint32(place + 4, isLittle);
    if (size < BLOCK_MIN || size % 4 !== 0 || place + size > view.byteLength) break;
    if (kind === INTERFACE) ticks.push(tickOf(view, place + 16, place + size - 4, isLittle));
    if (kind === ENHANCED && size >= 32) {
      const kept = view.getUint32(place + 20, isLittle);
      if (kept > size - 32) break;
      const tick = ticks[view.getUint32(place + 8, isLittle)] ?? 1;
      const at = (view.getUint32(place + 12, isLittle) * 2 ** 32 + view.getUint32(place + 16, isLittle)) * tick;
      found.push({ at, size: view.getUint32(place + 24, isLittle), bytes: new Uint8Array(capture, place + 28, kept) });
    }
    place += size;
  }
  return found;
}

/** Return how many microseconds a tick of an interface is, as its options say. */
function tickOf(view: DataView, from: number, to: number, isLittle: boolean): number {
  let exponent = MICROSECONDS;
  let isBinary = false;
  for (let place = from; place + 4 <= to; ) {
    const code = view.getUint16(place, isLittle);
    const size = view.getUint16(place + 2, isLittle);
    if (code === 0 || place + 4 + size > to) break;
    if (code === RESOLUTION && size === 1) {
      exponent = view.getUint8(place + 4) & 127;
      isBinary = view.getUint8(place + 4) > 127;
    }
    place += 4 + size + ((4 - (size % 4)) % 4);
  }
  return isBinary ? 1e6 / 2 ** exponent : 10 ** (MICROSECONDS - exponent);
}

const WIDTH = 16;

/** Write bytes as people read them: place, hexadecimal, and what is printable. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let start = 0; start < bytes.length; start += WIDTH) {
    const row = [...bytes.subarray(start, start + WIDTH)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${start.toString(16).padStart(4, '0')}  ${hex.padEnd(WIDTH * 3 - 1)}  ${text}`);
  }
  return lines.join('\n');
}

const ETHERNET = 14;
const IPV4 = 0x0800;
const TRANSPORTS: Record<number, string> = { 1: 'ICMP', 6: 'TCP', 17: 'UDP' };

/** Say between whom a packet went, where that is plain IPv4 over Ethernet. */
export function packetWords({ bytes }: Packet): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < ETHERNET + 20 || view.getUint16(12) !== IPV4) return '';
  const address = (from: number) => [...bytes.subarray(from, from + 4)].join('.');
  const transport = view.getUint8(ETHERNET + 9);
  const header = (view.getUint8(ETHERNET) & 15) * 4;
  const ports = ETHERNET + header;
  const hasPorts = (transport === 6 || transport === 17) && bytes.length >= ports + 4;
  const port = (from: number) => (hasPorts ? `:${view.getUint16(from)}` : '');
  const name = TRANSPORTS[transport] ?? `protocol ${transport}`;
  return `${address(ETHERNET + 12)}${port(ports)} → ${address(ETHERNET + 16)}${port(ports + 2)} ${name}`;
}
