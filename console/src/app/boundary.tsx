// A page that breaks takes nothing else with it: menu, palette and the other pages stay.
import { Component, type ReactNode } from 'react';
import { Button, Card, Foreign } from '../ui/ui';

export class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <Card title="This page broke">
        <p>
          <Foreign text={String(error)} mono />
        </p>
        <p className="muted">That is a fault of the console; the platform goes on. If it was updated just now, load the page anew.</p>
        <Button kind="primary" onPress={() => window.location.reload()}>
          Load it anew
        </Button>
      </Card>
    );
  }
}
