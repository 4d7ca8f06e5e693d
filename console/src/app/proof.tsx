// Says why the browser asks for a passkey, while it does: whoever is asked unexpectedly should refuse.
import { useEffect, useState } from 'react';
import { createPortal } from 'react-dom';
import { onProof, type Proof } from '../api/confirm';
import { Foreign } from '../ui/ui';
import './proof.css';

export function ProofAsked() {
  const [proof, setProof] = useState<Proof | null>(null);
  useEffect(() => onProof(setProof), []);
  if (!proof) return null;
  // Above dialogs, and not hidden by them from those who listen.
  return createPortal(
    <div className="proof" role="status" data-react-aria-top-layer="true">
      <strong>{proof.kind === 'presence' ? 'Show that it is you' : 'Sign this act'}</strong>
      <p>
        {proof.kind === 'presence'
          ? 'What you are about to do weighs something, and your last proof is more than five minutes old. The browser asks for your passkey.'
          : 'What you are about to do reaches far. The browser asks for your passkey, which signs exactly this request; the signature stands in the ledger.'}
      </p>
      <p className="muted">
        <Foreign text={`${proof.method} ${proof.path}`} mono />
      </p>
      <p className="muted">You did not ask for this? Cancel in the browser’s window: then nothing happens.</p>
    </div>,
    document.body,
  );
}
