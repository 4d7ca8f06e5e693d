// Acts on many devices: what they would change is shown first, and they can be undone.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Dialog, DialogTrigger, Form, Heading, Input, Label, Modal, ModalOverlay, TextField } from 'react-aria-components';
import { api, type Schemas, take } from '../api/client';
import { CopyAs } from '../ui/copy';
import { visible } from '../ui/text';
import { Button, ProblemNote } from '../ui/ui';
import { AddToGroup } from './bulk-group';
import { BATCH, batches, Samples } from './bulk-parts';

type Change = Schemas['BulkRequest'];
type Outcome = Pick<Schemas['BulkResult'], 'changed' | 'unchanged' | 'unknown'>;

async function run(change: Change, onProgress: (done: number) => void = () => undefined): Promise<Outcome> {
  const all: Outcome = { changed: [], unchanged: [], unknown: [] };
  let done = 0;
  for (const device_ids of batches(change.device_ids)) {
    const { changed, unchanged, unknown } = await take(api.POST('/v1/bulk/devices', { body: { ...change, device_ids } }));
    all.changed.push(...changed);
    all.unchanged.push(...unchanged);
    all.unknown.push(...unknown);
    done += device_ids.length;
    onProgress(done);
  }
  return all;
}

export function Bulk({ selected, clear }: { selected: string[]; clear: () => void }) {
  const [done, setDone] = useState<Change | null>(null);
  const [said, setSaid] = useState('');
  const queries = useQueryClient();
  const undoing = useMutation({
    mutationFn: (change: Change) => run({ ...change, is_enabled: !change.is_enabled, reason: `undone: ${change.reason}`.slice(0, 1024) }),
    onSuccess: (outcome, change) => {
      setDone(null);
      setSaid(`${outcome.changed.length} ${change.is_enabled ? 'disabled' : 'enabled'} again.`);
      return queries.invalidateQueries();
    },
  });
  const finish = (change: Change) => {
    setDone(change);
    setSaid(`${change.device_ids.length} ${change.is_enabled ? 'enabled' : 'disabled'}.`);
    clear();
  };
  if (selected.length === 0 && !said) return null;
  return (
    <section className="note row-of" aria-label="Selected devices">
      {selected.length > 0 && (
        <>
          <strong>{selected.length.toLocaleString('en')} selected</strong>
          <Step label="Disable…" isEnabled={false} selected={selected} onDone={finish} />
          <Step label="Enable…" isEnabled selected={selected} onDone={finish} />
          <AddToGroup
            selected={selected}
            onDone={(told) => {
              setDone(null);
              setSaid(told);
              clear();
            }}
          />
          <Button kind="quiet" onPress={clear}>
            Select none
          </Button>
        </>
      )}
      <span role="status">{visible(said)}</span>
      {done && (
        <Button autoFocus isDisabled={undoing.isPending} onPress={() => undoing.mutate(done)}>
          {undoing.isPending ? 'Undoing…' : 'Undo'}
        </Button>
      )}
      <ProblemNote error={undoing.error} />
    </section>
  );
}

function Step({ label, isEnabled, selected, onDone }: {
  label: string;
  isEnabled: boolean;
  selected: string[];
  onDone: (change: Change) => void;
}) {
  return (
    <DialogTrigger>
      <Button kind={isEnabled ? '' : 'danger'}>{label}</Button>
      <ModalOverlay className="modal-overlay" isDismissable>
        <Modal className="modal">
          <Dialog>{({ close }) => <Preview isEnabled={isEnabled} selected={selected} onDone={onDone} close={close} />}</Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}

function Preview({ isEnabled, selected, onDone, close }: {
  isEnabled: boolean;
  selected: string[];
  onDone: (change: Change) => void;
  close: () => void;
}) {
  const [reason, setReason] = useState('');
  const [progress, setProgress] = useState(0);
  const queries = useQueryClient();
  const words = reason.trim() || '…';
  const change: Change = { device_ids: selected, is_enabled: isEnabled, reason: words };
  const preview = useQuery({
    queryKey: ['bulk', isEnabled, selected],
    queryFn: () => run({ ...change, dry_run: true }),
    staleTime: 0,
    gcTime: 0,
  });
  const doing = useMutation({
    mutationFn: () => run(change, setProgress),
    onSuccess: (outcome) => {
      close();
      onDone({ ...change, device_ids: outcome.changed });
      return queries.invalidateQueries();
    },
  });
  const changed = preview.data?.changed ?? [];
  const verb = isEnabled ? 'Enable' : 'Disable';
  return (
    <Form
      onSubmit={(event) => {
        event.preventDefault();
        doing.mutate();
      }}
    >
      <Heading slot="title">
        {verb} {preview.data ? changed.length.toLocaleString('en') : '…'} {changed.length === 1 ? 'device' : 'devices'}
      </Heading>
      {preview.data ? (
        <>
          <p>
            {isEnabled ? 'They may connect again.' : 'Their connections are cut within a second and they are refused.'}{' '}
            {preview.data.unchanged.length > 0 && `${preview.data.unchanged.length} are so already. `}
            {preview.data.unknown.length > 0 && `${preview.data.unknown.length} are unknown. `}
          </p>
          <Samples names={changed} />
        </>
      ) : (
        <p className="muted">Looking what would change…</p>
      )}
      <TextField className="field" value={reason} onChange={setReason} isRequired autoFocus>
        <Label>Reason, for the record</Label>
        <Input className="input" maxLength={1024} />
      </TextField>
      {doing.isPending && selected.length > BATCH && <progress value={progress} max={selected.length} aria-label="Progress" />}
      <ProblemNote error={preview.error ?? doing.error} />
      <footer>
        <CopyAs
          way={{
            cli: ['device', isEnabled ? 'enable' : 'disable'],
            names: selected.slice(0, BATCH),
            options: ['--reason', words],
            method: 'POST',
            path: '/v1/bulk/devices',
            body: { ...change, device_ids: selected.slice(0, BATCH) },
          }}
        />
        <Button onPress={close}>Cancel</Button>
        <Button type="submit" kind={isEnabled ? 'primary' : 'danger'} isDisabled={doing.isPending || changed.length === 0}>
          {doing.isPending ? 'Working…' : verb}
        </Button>
      </footer>
    </Form>
  );
}
