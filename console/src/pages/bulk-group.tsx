// Put many devices into a group that is filled by hand.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Dialog, DialogTrigger, Form, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { Link } from 'wouter';
import { api, take } from '../api/client';
import { CopyAs } from '../ui/copy';
import { visible } from '../ui/text';
import { Button, ProblemNote } from '../ui/ui';
import { BATCH, batches, Samples } from './bulk-parts';

export function AddToGroup({ selected, onDone }: { selected: string[]; onDone: (told: string) => void }) {
  return (
    <DialogTrigger>
      <Button>Add to a group…</Button>
      <ModalOverlay className="modal-overlay" isDismissable>
        <Modal className="modal">
          <Dialog>{({ close }) => <Choice selected={selected} onDone={onDone} close={close} />}</Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}

function Choice({ selected, onDone, close }: { selected: string[]; onDone: (told: string) => void; close: () => void }) {
  const groups = useQuery({
    queryKey: ['groups'],
    queryFn: () => take(api.GET('/v1/groups', { params: { query: { limit: 500 } } })),
  });
  const fixed = (groups.data?.items ?? []).filter((each) => each.kind === 'static');
  const [chosen, setChosen] = useState('');
  const group = fixed.find((each) => each.group_id === chosen) ?? fixed[0];
  const queries = useQueryClient();
  const adding = useMutation({
    mutationFn: async (id: string) => {
      for (const device_ids of batches(selected))
        await take(api.POST('/v1/groups/{group}/add', { params: { path: { group: id } }, body: { device_ids } }));
    },
    onSuccess: () => {
      close();
      onDone(`${selected.length} added to ${group?.name ?? ''}.`);
      return queries.invalidateQueries();
    },
  });
  return (
    <Form
      onSubmit={(event) => {
        event.preventDefault();
        if (group) adding.mutate(group.group_id);
      }}
    >
      <Heading slot="title">Add {selected.length.toLocaleString('en')} to a group</Heading>
      <Samples names={selected} />
      {groups.data && !group ? (
        <p>
          There is no group that is filled by hand. <Link href="/groups">Make one</Link> without a condition.
        </p>
      ) : (
        <div className="field">
          <label htmlFor="group">Group</label>
          <select id="group" className="input" value={group?.group_id} onChange={(event) => setChosen(event.target.value)}>
            {fixed.map((each) => (
              <option key={each.group_id} value={each.group_id}>
                {visible(each.name)} ({each.member_count})
              </option>
            ))}
          </select>
        </div>
      )}
      <ProblemNote error={groups.error ?? adding.error} />
      <footer>
        {group && (
          <CopyAs
            way={{
              cli: ['group', 'add'],
              names: [group.name, ...selected.slice(0, BATCH)],
              method: 'POST',
              path: `/v1/groups/${encodeURIComponent(group.group_id)}/add`,
              body: { device_ids: selected.slice(0, BATCH) },
            }}
          />
        )}
        <Button onPress={close}>Cancel</Button>
        <Button type="submit" kind="primary" isDisabled={!group || adding.isPending}>
          {adding.isPending ? 'Working…' : 'Add'}
        </Button>
      </footer>
    </Form>
  );
}
