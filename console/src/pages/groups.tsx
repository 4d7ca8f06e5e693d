// Groups: named by hand, or by a condition that devices meet and leave by themselves.
import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Dialog, DialogTrigger, Form, Heading, Input, Label, Modal, ModalOverlay, TextField } from 'react-aria-components';
import { Link } from 'wouter';
import { api, type Schemas, take } from '../api/client';
import { useCount } from '../api/queries';
import { link, useQueryState } from '../app/url';
import { Act } from '../ui/act';
import { Condition } from '../ui/condition';
import { CopyAs } from '../ui/copy';
import { type Column, Table } from '../ui/table';
import { queryText, visible } from '../ui/text';
import { Badge, Button, Card, Empty, Foreign, Page, ProblemNote, Time } from '../ui/ui';

type Group = Schemas['GroupView'];

const COLUMNS: Column<Group>[] = [
  { title: 'Group', width: 'minmax(140px, 1fr)', cell: (each) => <Foreign text={each.name} /> },
  { title: 'Kind', width: '90px', cell: (each) => each.kind },
  {
    title: 'Members',
    width: '150px',
    cell: (each) =>
      each.progress ? <Badge tone="info">being computed</Badge> : <span className="number">{each.member_count}</span>,
  },
];

export default function Groups() {
  const [parameters, change] = useQueryState();
  const groups = useQuery({
    queryKey: ['groups'],
    queryFn: () => take(api.GET('/v1/groups', { params: { query: { limit: 500 } } })),
    refetchInterval: 3_000,
  });
  const items = groups.data?.items ?? [];
  const chosen = items.find((each) => each.group_id === parameters.get('id')) ?? items[0];
  return (
    <Page
      title="Groups"
      about={`${items.length}`}
      actions={
        <>
          <Create />
          <CopyAs way={{ cli: ['group', 'list'], path: '/v1/groups' }} />
        </>
      }
    >
      <ProblemNote error={groups.error} />
      <div className="split">
        <Table
          label="Groups"
          columns={COLUMNS}
          items={items}
          keyOf={(each) => each.group_id}
          isLoading={groups.isLoading}
          onCurrent={(each) => change({ id: each.group_id })}
          current={chosen?.group_id}
          empty="There is no group. A dynamic one follows a condition, such as tags.line = 'A'."
        />
        {chosen && <Detail key={chosen.group_id} group={chosen} />}
      </div>
    </Page>
  );
}

function Detail({ group }: { group: Group }) {
  const path = { path: { group: group.group_id } };
  const members = useInfiniteQuery({
    // Members come and go by themselves, and are counted with the group.
    queryKey: ['members', group.group_id, group.member_count, group.progress !== null],
    placeholderData: keepPreviousData,
    initialPageParam: '',
    queryFn: ({ pageParam }) =>
      take(api.GET('/v1/groups/{group}/members', { params: { ...path, query: { limit: 100, after: pageParam } } })),
    getNextPageParam: (page) => page.next || undefined,
  });
  const queries = useQueryClient();
  const removing = useMutation({
    mutationFn: (name: string) =>
      take(api.POST('/v1/groups/{group}/remove', { params: path, body: { device_ids: [name] } })),
    onSuccess: () => queries.invalidateQueries(),
  });
  const names = members.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="explanation">
      <Card
        title={<Foreign text={group.name} />}
        actions={
          <>
            <Badge tone={group.kind === 'dynamic' ? 'info' : 'plain'}>{group.kind}</Badge>
            <CopyAs
              way={{
                cli: ['group', 'members'],
                names: [group.name],
                path: `/v1/groups/${encodeURIComponent(group.group_id)}/members`,
              }}
            />
          </>
        }
      >
        {group.description && <p><Foreign text={group.description} /></p>}
        {group.condition && (
          <pre className="code">
            <Foreign text={group.condition} />
          </pre>
        )}
        <dl className="facts">
          <dt>Members</dt>
          <dd className="number">
            {group.progress ? 'being computed' : <Link href={link('/devices', { where: `CONTAINS(groups, ${queryText(group.name)})` })}>{group.member_count}</Link>}
          </dd>
          <dt>Changed</dt>
          <dd>
            <Time at={group.updated_at} />
          </dd>
        </dl>
        <Act
          label="Delete"
          kind="danger"
          title={`Delete the group ${group.name}?`}
          act={(reason) => take(api.DELETE('/v1/groups/{group}', { params: { ...path, query: { reason: reason || undefined } } }))}
          onDone={() =>
            queries.setQueryData<Schemas['Page_GroupView_']>(
              ['groups'],
              (page) => page && { ...page, items: page.items.filter((each) => each.group_id !== group.group_id) },
            )
          }
        >
          <p>Its {group.member_count} devices stay; policies that name the group no longer meet them.</p>
        </Act>
      </Card>
      <Card title="Members">
        <ProblemNote error={members.error ?? removing.error} />
        {names.length === 0 ? (
          <Empty>
            {group.progress ? (
              'They are being computed.'
            ) : group.kind === 'dynamic' ? (
              'No device meets its condition now.'
            ) : (
              <>
                Nobody is in it. Select <Link href="/devices">devices</Link> and add them to it.
              </>
            )}
          </Empty>
        ) : (
          <ul className="plain">
            {names.map((each) => (
              <li key={each.device_id} className="line">
                <Link href={`/devices/${encodeURIComponent(each.device_id)}`}>
                  <Foreign text={each.device_id} />
                </Link>
                {group.kind === 'static' && (
                  <Button
                    kind="quiet"
                    aria-label={`Take ${visible(each.device_id)} out`}
                    isDisabled={removing.isPending}
                    onPress={() => removing.mutate(each.device_id)}
                  >
                    Take out
                  </Button>
                )}
              </li>
            ))}
          </ul>
        )}
        {members.hasNextPage && <Button onPress={() => void members.fetchNextPage()}>More</Button>}
      </Card>
    </div>
  );
}

function Create() {
  const [name, setName] = useState('');
  const [condition, setCondition] = useState('');
  const [tried, setTried] = useState('');
  const matching = useCount(tried || 'false');
  const queries = useQueryClient();
  const creating = useMutation({
    mutationFn: () => take(api.POST('/v1/groups', { body: { name, condition: condition || null } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['groups'] }),
  });
  return (
    <DialogTrigger onOpenChange={() => creating.reset()}>
      <Button kind="primary">New group</Button>
      <ModalOverlay className="modal-overlay" isDismissable>
        <Modal className="modal">
          <Dialog>
            {({ close }) => (
              <Form
                onSubmit={(event) => {
                  event.preventDefault();
                  creating.mutate(undefined, { onSuccess: close });
                }}
              >
                <Heading slot="title">New group</Heading>
                <TextField className="field" value={name} onChange={setName} isRequired autoFocus>
                  <Label>Name</Label>
                  <Input className="input" maxLength={128} />
                </TextField>
                <Condition
                  value={condition}
                  onEdit={(text) => setCondition(text.trim())}
                  onUse={setTried}
                  label="Condition; empty for a group that is filled by hand"
                  action="Try it"
                />
                <p role="status" className="muted">
                  {tried && tried === condition && matching !== undefined && `${matching} devices meet it now.`}
                </p>
                <ProblemNote error={creating.error} />
                <footer>
                  <Button onPress={close}>Cancel</Button>
                  <Button type="submit" kind="primary" isDisabled={creating.isPending}>
                    Create
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
