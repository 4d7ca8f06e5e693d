// What is searched for as a file: for spreadsheets, programs and security event systems.
import { useState } from 'react';
import { Dialog, DialogTrigger, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { api, take } from '../api/client';
import { save } from '../ui/save';
import { Button, ProblemNote } from '../ui/ui';
import { searchOf, type Wanted } from './alerts-words';

const FORMS = [
  ['csv', 'CSV', 'a spreadsheet; no cell is a formula', 'text/csv', 'csv'],
  ['json', 'JSON', 'all that is known of each', 'application/json', 'json'],
  ['ocsf', 'OCSF', 'Detection Finding, a document a line', 'application/x-ndjson', 'ocsf.ndjson'],
  ['ecs', 'ECS', 'Elastic Common Schema, a document a line', 'application/x-ndjson', 'ecs.ndjson'],
  ['stix', 'STIX', 'sightings of ATT&CK techniques', 'application/stix+json', 'stix.json'],
] as const;

export function AlertExport({ wanted }: { wanted: Wanted }) {
  return (
    <DialogTrigger>
      <Button>Export…</Button>
      <ModalOverlay className="modal-overlay" isDismissable>
        <Modal className="modal">
          <Dialog>{({ close }) => <Forms wanted={wanted} close={close} />}</Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}

function Forms({ wanted, close }: { wanted: Wanted; close: () => void }) {
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState('');
  const run = async (form: (typeof FORMS)[number]) => {
    const [format, , , type, suffix] = form;
    setError(null);
    setBusy(format);
    try {
      const { order, ...search } = searchOf(wanted);
      const query = { ...search, format };
      const found = await take(api.GET('/v1/alerts/export', { params: { query }, parseAs: 'blob' }));
      save(`alerts.${suffix}`, type, found as unknown as Blob);
      close();
    } catch (problem) {
      setError(problem);
    }
    setBusy('');
  };
  return (
    <>
      <Heading slot="title">Export alerts</Heading>
      <p>All that fits the search, the youngest 50,000 at most.</p>
      <ul className="plain">
        {FORMS.map((form) => (
          <li key={form[0]} className="line">
            <span>
              <strong>{form[1]}</strong> <span className="muted">{form[2]}</span>
            </span>
            <Button isDisabled={busy !== ''} onPress={() => void run(form)} aria-label={`Export as ${form[1]}`}>
              {busy === form[0] ? 'Reading…' : 'Export'}
            </Button>
          </li>
        ))}
      </ul>
      <ProblemNote error={error} />
      <footer>
        <Button onPress={close}>Cancel</Button>
      </footer>
    </>
  );
}
