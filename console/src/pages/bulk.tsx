// Acts on many devices: what they would change is shown first, and they can be undone.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Dialog, DialogTrigger, Form, Heading, Input, Label, Modal, ModalOverlay, TextField } from 'react-aria-components';
import { api, type Schemas, take } from '../api/client';
import { CopyAs } from '../ui/copy';
import { Button, Foreign, ProblemNote } from '../ui/ui';

type Change = Schemas['BulkRequest'];

const SAMPLES = 8;

function run(change: Change) {
  return take(api.POST('/v1/bulk/devices', { body: change }));
}

export function Bulk({ selected, clear }: { selected: string[]; clear: () => void }) {
  const [done, setDone] = useState<Change | null>(null);
  const queries = useQueryClient();
  const undoing = useMutation({
    mutationFn: (change: Change) => run({ ...change, is_enabled: !change.is_enabled, reason: 'undone' }),
    onSuccess: async () => {
      setDone(null);
      await queries.invalidateQueries();
    },
  });
  if (selected.length === 0 && !done) return null;
  return (
    <div className="note row-of" role="status">
      {selected.length > 0 && (
        <>
          <strong>{selected.length} selected</strong>
          <Step label="Disable…" isEnabled={false} selected={selected} onDone={setDone} clear={clear} />
          <Step label="Enable…" isEnabled selected={selected} onDone={setDone} clear={clear} />
          <Button kind="quiet" onPress={clear}>
            Select none
          </Button>
        </>
      )}
      {done && (
        <>
          <span>
            {done.device_ids.length} {done.is_enabled ? 'enabled' : 'disabled'}.
          </span>
          <Button isDisabled={undoing.isPending} onPress={() => undoing.mutate(done)}>
            Undo
          </Button>
          <ProblemNote error={undoing.error} />
        </>
      )}
    </div>
  );
}

function Step({ label, isEnabled, selected, onDone, clear }: {
  label: string;
  isEnabled: boolean;
  selected: string[];
  onDone: (change: Change) => void;
  clear: () => void;
}) {
  return (
    <DialogTrigger>
      <Button kind={isEnabled ? '' : 'danger'}>{label}</Button>
      <ModalOverlay className="modal-overlay" isDismissable>
        <Modal className="modal">
          <Dialog>
            {({ close }) => (
              <Preview isEnabled={isEnabled} selected={selected} onDone={onDone} clear={clear} close={close} />
            )}
          </Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}

function Preview({ isEnabled, selected, onDone, clear, close }: {
  isEnabled: boolean;
  selected: string[];
  onDone: (change: Change) => void;
  clear: () => void;
  close: () => void;
}) {
  const [reason, setReason] = useState('');
  const queries = useQueryClient();
  const change: Change = { device_ids: selected, is_enabled: isEnabled, reason: reason || 'preview' };
  const preview = useQuery({
    queryKey: ['bulk', isEnabled, selected],
    queryFn: () => run({ ...change, dry_run: true }),
    staleTime: 0,
  });
  const doing = useMutation({
    mutationFn: () => run({ ...change, reason }),
    onSuccess: async (result) => {
      onDone({ ...change, device_ids: result.changed });
      clear();
      close();
      await queries.invalidateQueries();
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
        {verb} {changed.length} {changed.length === 1 ? 'device' : 'devices'}
      </Heading>
      {preview.data ? (
        <>
          <p>
            {isEnabled ? 'They may connect again.' : 'Their connections are cut within a second and they are refused.'}{' '}
            {preview.data.unchanged.length > 0 && `${preview.data.unchanged.length} are so already. `}
            {preview.data.unknown.length > 0 && `${preview.data.unknown.length} are unknown. `}
          </p>
          <p className="muted">
            {changed.slice(0, SAMPLES).map((name, index) => (
              <span key={name}>
                {index > 0 && ', '}
                <Foreign text={name} />
              </span>
            ))}
            {changed.length > SAMPLES && ` and ${changed.length - SAMPLES} more`}
          </p>
        </>
      ) : (
        <p className="muted">Looking what would change…</p>
      )}
      <TextField className="field" value={reason} onChange={setReason} isRequired autoFocus>
        <Label>Reason, for the record</Label>
        <Input className="input" maxLength={1024} />
      </TextField>
      <ProblemNote error={preview.error ?? doing.error} />
      <footer>
        <CopyAs
          way={{
            cli: ['device', isEnabled ? 'enable' : 'disable', ...selected, '--reason', reason || '…'],
            method: 'POST',
            path: '/v1/bulk/devices',
            body: { ...change, reason },
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
