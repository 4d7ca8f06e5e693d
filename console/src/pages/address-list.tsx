// Whom addresses are assigned to: a list that an operator imports, for nothing is looked up outside.
import { Card } from '../ui/ui';

export function AddressListCard() {
  return (
    <Card title="Countries and networks">
      <p className="muted">Nothing is looked up outside.</p>
    </Card>
  );
}
