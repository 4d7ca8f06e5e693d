// Recovery codes are shown once: to be copied or printed, and never kept by the page.
import { useState } from 'react';
import { Button } from '../ui/ui';
import './login.css';

export function RecoveryCodes({ codes }: { codes: string[] }) {
  const [said, setSaid] = useState('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(`${codes.join('\n')}\n`);
      setSaid('Copied.');
    } catch {
      setSaid('Select the codes and copy them: this browser lets no page do it here.');
    }
  };
  return (
    <div className="paper">
      <p>
        Each logs you in once, when your passkeys are lost. They are shown now and never again: print them, or keep them in
        a password manager.
      </p>
      <ol className="codes" aria-label="Recovery codes">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ol>
      <div className="row-of">
        <Button onPress={() => void copy()}>Copy all</Button>
        <Button onPress={() => window.print()}>Print</Button>
        <span role="status" className="muted">
          {said}
        </span>
      </div>
    </div>
  );
}
