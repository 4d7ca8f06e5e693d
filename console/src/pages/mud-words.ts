// Entries of a MUD file (RFC 8520, RFC 8519) in words. Pure: whatever stands in a file is somebody's text.

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const PROTOCOLS: Record<number, string> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp' };
const PEERS: Record<string, string> = {
  'my-controller': 'its own controllers',
  'local-networks': 'local networks',
  'same-manufacturer': 'devices of the same maker',
};

export interface Entry {
  name: string;
  /** Whom it talks with. */
  peer: string;
  /** Such as `tcp/502`. */
  service: string;
  /** Who may begin; empty where it is not said. */
  begins: string;
}

export interface EntryList {
  title: string;
  entries: Entry[];
}

/** Return the lists of a file, as far as they are understood. */
export function listsIn(text: string): EntryList[] {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    return [];
  }
  const lists = isObject(root) && isObject(root['ietf-access-control-list:acls']) ? root['ietf-access-control-list:acls'].acl : [];
  if (!Array.isArray(lists)) return [];
  return lists.filter(isObject).map((list) => {
    const name = String(list.name ?? '');
    const version = String(list.type ?? '').includes('ipv6') ? 'IPv6' : 'IPv4';
    const aces = isObject(list.aces) && Array.isArray(list.aces.ace) ? list.aces.ace : [];
    return { title: `${name.includes('from') ? 'From the device' : 'To the device'}, ${version}`, entries: aces.filter(isObject).map(entryOf) };
  });
}

function entryOf(ace: Json): Entry {
  const matches = isObject(ace.matches) ? ace.matches : {};
  const internet = [matches.ipv4, matches.ipv6].find(isObject) ?? {};
  const protocol = PROTOCOLS[Number(internet.protocol)] ?? `protocol ${String(internet.protocol ?? 'any')}`;
  const layer = [matches.tcp, matches.udp].find(isObject) ?? {};
  const port = [layer['destination-port'], layer['source-port']].find(isObject);
  const initiated = layer['ietf-mud:direction-initiated'];
  return {
    name: String(ace.name ?? ''),
    peer: peerOf(matches, internet),
    service: port ? `${protocol}/${portOf(port)}` : protocol,
    begins: initiated === 'from-device' ? 'the device begins' : initiated === 'to-device' ? 'the other end begins' : '',
  };
}

function peerOf(matches: Json, internet: Json): string {
  for (const [name, value] of Object.entries(internet))
    if (/dnsname$|network$/u.test(name) && typeof value === 'string') return value;
  const mud = matches['ietf-mud:mud'];
  if (!isObject(mud)) return 'anybody';
  for (const [name, words] of Object.entries(PEERS)) if (name in mud) return words;
  const named = mud.controller ?? mud.manufacturer ?? mud.model;
  return typeof named === 'string' ? named : 'anybody';
}

function portOf(port: Json): string {
  return 'lower-port' in port ? `${String(port['lower-port'])}-${String(port['upper-port'])}` : String(port.port ?? '');
}
