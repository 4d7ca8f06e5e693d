// A device that is known by its certificate's fingerprint receives the next one.
import { useState } from 'react';
import { Label, TextArea, TextField } from 'react-aria-components';
import { api, type Schemas, take } from '../api/client';
import { Act } from '../ui/act';
import { Code } from '../ui/code';
import { fingerprintIn, makeCertificate } from './snippets';

export function NewPin({ device, onDone }: { device: Schemas['DeviceView']; onDone?: () => void }) {
  const [printed, setPrinted] = useState('');
  const name = device.device_id;
  const authentication = { type: 'self_signed', primary_thumbprint: fingerprintIn(printed) };
  return (
    <Act
      label="Register its new certificate"
      title={`A new certificate for ${name}`}
      hasReason={false}
      act={() =>
        take(
          api.PATCH('/v1/devices/{device_id}', {
            params: { path: { device_id: name } },
            body: { authentication },
            headers: { 'Content-Type': 'application/merge-patch+json' },
          }),
        )
      }
      onDone={onDone}
    >
      <p>It replaces the first of the fingerprints that the device is known by; a session that rests on the old one is cut.</p>
      <Code label="Make a key and a certificate on the device" text={makeCertificate(name)} />
      <TextField className="field" value={printed} onChange={setPrinted} isRequired autoFocus>
        <Label>The fingerprint that the last command prints</Label>
        <TextArea className="input" rows={2} spellCheck={false} placeholder="sha256 Fingerprint=AB:CD:…" />
      </TextField>
    </Act>
  );
}
