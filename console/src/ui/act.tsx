// A button for an act that wants a reason, or that many are touched by: it says what will happen before it does.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { Dialog, DialogTrigger, Form, Heading, Input, Label, Modal, ModalOverlay, TextField } from 'react-aria-components';
import { visible } from './text';
import { Button, ProblemNote } from './ui';

export interface ActProps {
  label: string;
  kind?: '' | 'primary' | 'danger' | 'quiet';
  title: string;
  children?: ReactNode;
  /** Whether a reason must be given; it stands in the ledger. */
  needsReason?: boolean;
  /** Whether one begins to type there; not where other fields come first. */
  startsAtReason?: boolean;
  /** Whether a reason can be given. */
  hasReason?: boolean;
  /** Whether what was filled in can be sent. */
  isReady?: boolean;
  isDisabled?: boolean;
  act: (reason: string) => Promise<unknown>;
  onDone?: () => void;
}

export function Act({ isDisabled = false, ...act }: ActProps) {
  return (
    <DialogTrigger>
      <Button kind={act.kind} isDisabled={isDisabled}>
        {act.label}
      </Button>
      <ActModal {...act} />
    </DialogTrigger>
  );
}

/** The same without a button: opened by whoever shows it, such as a menu. */
export function ActModal({ isOpen, onOpenChange, ...act }: ActProps & { isOpen?: boolean; onOpenChange?: (isOpen: boolean) => void }) {
  return (
    <ModalOverlay className="modal-overlay" isDismissable isOpen={isOpen} onOpenChange={onOpenChange}>
      <Modal className="modal">
        <Dialog>{({ close }) => <ActForm {...act} close={close} />}</Dialog>
      </Modal>
    </ModalOverlay>
  );
}

function ActForm({ label, kind = '', title, children, act, onDone, close, ...more }: ActProps & { close: () => void }) {
  const { needsReason = false, startsAtReason = true, hasReason = true, isReady = true } = more;
  const [reason, setReason] = useState('');
  const queries = useQueryClient();
  const doing = useMutation({
    mutationFn: act,
    onSuccess: () => {
      close();
      onDone?.();
      // Once what is gone is no longer shown: nobody asks for it again.
      setTimeout(() => void queries.invalidateQueries());
    },
  });
  return (
    <Form
      onSubmit={(event) => {
        event.preventDefault();
        doing.mutate(reason.trim());
      }}
    >
      <Heading slot="title">{visible(title)}</Heading>
      {children}
      {hasReason && (
        <TextField className="field" value={reason} onChange={setReason} isRequired={needsReason} autoFocus={startsAtReason}>
          <Label>Reason{needsReason ? '' : ' (optional)'}, for the record</Label>
          <Input className="input" maxLength={1024} />
        </TextField>
      )}
      <ProblemNote error={doing.error} />
      <footer>
        <Button onPress={close}>Cancel</Button>
        <Button type="submit" kind={kind === 'danger' ? 'danger' : 'primary'} isDisabled={doing.isPending || !isReady}>
          {doing.isPending ? 'Working…' : label}
        </Button>
      </footer>
    </Form>
  );
}
