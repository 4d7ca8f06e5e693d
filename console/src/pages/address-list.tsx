// Whom addresses are assigned to: a list that an operator imports, for nothing is looked up outside.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { FileTrigger } from 'react-aria-components';
import { api, take } from '../api/client';
import { Act } from '../ui/act';
import { CopyAs } from '../ui/copy';
import { Button, Card, Foreign, ProblemNote, Time } from '../ui/ui';
import { handOver } from './address-list-parts';

export function AddressListCard() {
  const queries = useQueryClient();
  const [parts, setParts] = useState(0);
  const found = useQuery({ queryKey: ['address-list'], queryFn: () => take(api.GET('/v1/address-list')) });
  const importing = useMutation({
    mutationFn: (file: File) => handOver(file, (body) => take(api.POST('/v1/address-list', { body })), setParts),
    onSuccess: () => queries.invalidateQueries(),
    onSettled: () => setParts(0),
  });
  const list = found.data?.list;
  return (
    <Card
      title="Countries and networks"
      actions={<CopyAs way={{ cli: ['address-list', 'import'], names: ['ip2asn-combined.tsv.gz'], path: '/v1/address-list' }} />}
    >
      <p className="muted flat">
        Nothing is looked up outside: a list says whose an address is, such as ip2asn's (TSV), or CSV with start, end, asn, country and name.
      </p>
      <ProblemNote error={found.error ?? importing.error} />
      {list && (
        <p>
          <Foreign text={list.name} />: {(list.ranges_v4 + list.ranges_v6).toLocaleString('en')} ranges, imported <Time at={list.imported_at} />{' '}
          by <Foreign text={list.imported_by} />
        </p>
      )}
      {found.data && !list && <p>None was imported.</p>}
      <p role="status" className="muted flat">
        {importing.isPending && `Importing: part ${parts + 1}…`}
        {importing.data && !importing.isPending && `Imported; ${importing.data.skipped.toLocaleString('en')} lines name no owner.`}
      </p>
      <div className="row-of">
        <FileTrigger
          acceptedFileTypes={['.tsv', '.csv', '.txt', '.gz']}
          onSelect={(files) => {
            const file = files?.[0];
            if (file) importing.mutate(file);
          }}
        >
          <Button isDisabled={importing.isPending}>Import a list…</Button>
        </FileTrigger>
        {list && (
          <Act
            label="Take away…"
            kind="quiet"
            title="Take the list of addresses away?"
            act={(reason) => take(api.POST('/v1/address-list/remove', { body: { reason } }))}
          >
            <p>What it said of connections stays with them; of new ones it is not known whose they are.</p>
          </Act>
        )}
      </div>
    </Card>
  );
}
