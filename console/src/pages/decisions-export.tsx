// What is searched for as a file, for a spreadsheet or a program.
import { useEffect, useRef, useState } from 'react';
import { Dialog, DialogTrigger, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { asCli } from '../ui/copy';
import { Button, ProblemNote } from '../ui/ui';
import { EXPORT_MAX, optionsOf, readAll, type Wanted } from './decisions-log';
import { asCsv, asJsonLines } from './decisions-words';

export function Export({ wanted }: { wanted: Wanted }) {
  return (
    <DialogTrigger>
      <Button>Export…</Button>
      <ModalOverlay className="modal-overlay" isDismissable>
        <Modal className="modal">
          <Dialog>{({ close }) => <ExportForm wanted={wanted} close={close} />}</Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}

function ExportForm({ wanted, close }: { wanted: Wanted; close: () => void }) {
  const [count, setCount] = useState<number | null>(null);
  const [error, setError] = useState<unknown>(null);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);
  const run = async (form: 'csv' | 'jsonl') => {
    const controller = new AbortController();
    stop.current = controller;
    setError(null);
    setCount(0);
    try {
      const found = await readAll(wanted, setCount, controller.signal);
      if (form === 'csv') save('decisions.csv', 'text/csv', asCsv(found));
      else save('decisions.jsonl', 'application/jsonl', asJsonLines(found));
      close();
    } catch (problem) {
      if (!controller.signal.aborted) setError(problem);
    }
    setCount(null);
  };
  // How the command that writes all of them is told the same; it knows no kinds and addresses.
  const options = optionsOf({ ...wanted, kind: '', from: '', shadow: '' });
  return (
    <>
      <Heading slot="title">Export decisions</Heading>
      <p>
        All that fits the search, newest first, up to {EXPORT_MAX.toLocaleString('en')}. Reading them counts against what you may read
        in bulk, and stands out if it is much.
      </p>
      <p className="muted">More, on the command line:</p>
      <pre className="code">{asCli({ cli: ['decision', 'export'], names: ['decisions.jsonl'], options, path: '' })}</pre>
      <ProblemNote error={error} />
      <p role="status">{count === null ? '' : `${count.toLocaleString('en')} read…`}</p>
      <footer>
        <Button onPress={close}>Cancel</Button>
        <Button isDisabled={count !== null} onPress={() => void run('jsonl')}>
          JSON lines
        </Button>
        <Button kind="primary" isDisabled={count !== null} onPress={() => void run('csv')}>
          CSV
        </Button>
      </footer>
    </>
  );
}

function save(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = name;
  anchor.click();
  URL.revokeObjectURL(url);
}
