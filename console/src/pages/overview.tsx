import { useQuery } from '@tanstack/react-query';
import { api, take } from '../api/client';
import { Card, Page, ProblemNote } from '../ui/ui';

export default function Overview() {
  const status = useQuery({ queryKey: ['status'], queryFn: () => take(api.GET('/v1/status')), refetchInterval: 5_000 });
  return (
    <Page title="Overview">
      <ProblemNote error={status.error} />
      <Card title="Status">
        <pre className="code">{JSON.stringify(status.data, null, 2)}</pre>
      </Card>
    </Page>
  );
}
