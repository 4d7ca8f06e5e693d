// A button for an act that wants a reason, or that many are touched by: it says what will happen before it does.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { Dialog, DialogTrigger, Form, Heading, Input, Label, Modal, ModalOverlay, TextField } from 'react-aria-components';
import { Button, ProblemNote } from './ui';

export interface ActProps {
  label: string;
  kind?: '' | 'primary' | 'danger' | 'quiet';
  title: string;
  children?: ReactNode;
  /** Whether a reason must be given; it stands in the ledger. */
  needsReason?: boolean;
  isDisabled?: boolean;
  act: (reason: string) => Promise<unknown>;
  onDone?: () => void;
}

export function Act({ label, kind = '', title, children, needsReason = false, isDisabled = false, act, onDone }: ActProps) {
  const [reason, setReason] = useState('');
  const queries = useQueryClient();
  const doing = useMutation({
    mutationFn: act,
    onSuccess: async () => {
      await queries.invalidateQueries();
      onDone?.();
    },
  });
  return (
    <DialogTrigger
      onOpenChange={() => {
        doing.reset();
        setReason('');
      }}
    >
      <Button kind={kind} isDisabled={isDisabled}>
        {label}
      </Button>
      <ModalOverlay className="modal-overlay" isDismissable>
        <Modal className="modal">
          <Dialog>
            {({ close }) => (
              <Form
                onSubmit={(event) => {
                  event.preventDefault();
                  doing.mutate(reason, { onSuccess: close });
                }}
              >
                <Heading slot="title">{title}</Heading>
                {children}
                <TextField className="field" value={reason} onChange={setReason} isRequired={needsReason} autoFocus>
                  <Label>Reason{needsReason ? '' : ' (optional)'}, for the record</Label>
                  <Input className="input" maxLength={1024} />
                </TextField>
                <ProblemNote error={doing.error} />
                <footer>
                  <Button onPress={close}>Cancel</Button>
                  <Button type="submit" kind={kind === 'danger' ? 'danger' : 'primary'} isDisabled={doing.isPending}>
                    {doing.isPending ? 'Working…' : label}
                  </Button>
                </footer>
              </Form>
            )}
          </Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}
