import { describe, expect, it } from 'vitest';
import { BY_ENROLLMENT, makeCertificate, makeProof, WITH_CERTIFICATE } from './snippets';

const place = { host: 'hub.example', port: 8883, idScope: '0ne1', device: `x"; $(reboot) '` };

describe('a snippet', () => {
  it('quotes a hostile name in each language', () => {
    for (const each of [...WITH_CERTIFICATE, ...BY_ENROLLMENT]) {
      const text = each.text(place);
      expect(text, each.id).not.toContain('"x"; $(reboot)');
    }
    expect(makeCertificate("a'$(b)")).toContain(`'/CN=a'\\''$(b)'`);
    expect(makeProof('$(reboot)')).toContain(`'/CN=$(reboot)'`);
  });
});
