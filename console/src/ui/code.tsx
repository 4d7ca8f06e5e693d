// A piece of code to be copied, and files to be saved.
import { useState } from 'react';
import { Button } from './ui';

export function Code({ text, label, file }: { text: string; label: string; file?: string }) {
  const [said, setSaid] = useState('');
  return (
    <div className="field">
      <span className="row-of">
        <span className="label">{label}</span>
        <Button
          kind="quiet"
          aria-label={`Copy ${label}`}
          onPress={() => {
            navigator.clipboard.writeText(text).then(
              () => setSaid('copied'),
              () => setSaid('select the text and copy it'),
            );
          }}
        >
          Copy
        </Button>
        {file && (
          <Button kind="quiet" onPress={() => save(file, text)}>
            Save as {file}
          </Button>
        )}
        <span role="status" className="muted">
          {said}
        </span>
      </span>
      <pre className="code" tabIndex={0} aria-label={label}>
        {text}
      </pre>
    </div>
  );
}

/** Have the browser save text as a file. */
export function save(name: string, text: string, type = 'text/plain'): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = name;
  anchor.click();
  URL.revokeObjectURL(url);
}
