import { expect, it } from 'vitest';
import { listsIn } from './mud-words';

const file = (matches: unknown) =>
  JSON.stringify({
    'ietf-access-control-list:acls': {
      acl: [{ name: 'mud-v4-from-device', type: 'ipv4-acl-type', aces: { ace: [{ name: 'ent0', matches }] } }],
    },
  });

it('says whom a device talks with, about what, and who begins', () => {
  const tcp = { 'ietf-mud:direction-initiated': 'from-device', 'destination-port': { operator: 'eq', port: 443 } };
  const [list] = listsIn(file({ ipv4: { protocol: 6, 'ietf-acldns:dst-dnsname': 'updates.example' }, tcp }));
  expect(list!.title).toBe('From the device, IPv4');
  expect(list!.entries).toEqual([{ name: 'ent0', peer: 'updates.example', service: 'tcp/443', begins: 'the device begins' }]);
});

it.each([
  [{ 'ietf-mud:mud': { 'my-controller': [null] }, ipv4: { protocol: 17 } }, 'its own controllers', 'udp'],
  [{ 'ietf-mud:mud': { controller: 'urn:ietf:params:mud:dns' }, ipv4: { protocol: 17 } }, 'urn:ietf:params:mud:dns', 'udp'],
  [{ ipv4: { protocol: 6, 'destination-ipv4-network': '198.51.100.7/32' } }, '198.51.100.7/32', 'tcp'],
  [{ ipv4: { protocol: 47 } }, 'anybody', 'protocol 47'],
  [{}, 'anybody', 'protocol any'],
])('understands %j', (matches, peer, service) => {
  expect(listsIn(file(matches))[0]!.entries[0]).toMatchObject({ peer, service });
});

it('writes a range of ports', () => {
  const udp = { 'source-port': { 'lower-port': 5000, 'upper-port': 5010 } };
  expect(listsIn(file({ ipv4: { protocol: 17 }, udp }))[0]!.entries[0]!.service).toBe('udp/5000-5010');
});

it.each(['', '[]', 'null', '{"ietf-access-control-list:acls":{"acl":7}}', '{"ietf-access-control-list:acls":{"acl":[7,{"aces":{"ace":[1]}}]}}'])(
  'says nothing of what is no file: %s',
  (text) => {
    expect(listsIn(text).flatMap((list) => list.entries)).toEqual([]);
  },
);
