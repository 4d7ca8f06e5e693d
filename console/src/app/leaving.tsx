// Leaving a page with something on it that is not stored: it asks first, wherever the way leads.
import { useEffect, useState } from 'react';
import { Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import type { AroundNavHandler } from 'wouter';
import { Button } from '../ui/ui';

type Go = () => void;

let guard: ((go: Go) => void) | null = null;

/** Go where a link, a key or the palette leads to, or ask first. */
export const aroundNav: AroundNavHandler = (navigate, to, options) => {
  const go = () => navigate(to, options);
  const path = to.split(/[?#]/u, 1)[0];
  if (guard && path !== window.location.pathname) guard(go);
  else go();
};

/** Ask nobody any more: all is stored. */
export function leaveFreely(): void {
  guard = null;
}

/** The question, while something is not stored. */
export function Leaving({ isUnsaved, what, onThrowAway }: { isUnsaved: boolean; what: string; onThrowAway: () => void }) {
  const [pending, setPending] = useState<Go | null>(null);
  useEffect(() => {
    if (!isUnsaved) return undefined;
    guard = (go) => setPending(() => go);
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => {
      leaveFreely();
      window.removeEventListener('beforeunload', warn);
    };
  }, [isUnsaved]);
  const go = () => {
    leaveFreely();
    setPending(null);
    pending?.();
  };
  return (
    <ModalOverlay className="modal-overlay" isDismissable isOpen={pending !== null} onOpenChange={() => setPending(null)}>
      <Modal className="modal">
        <Dialog role="alertdialog">
          <Heading slot="title">{what} is not stored</Heading>
          <p>This browser tab keeps it until the tab is closed: come back here and go on with it.</p>
          <footer>
            <Button
              kind="danger"
              onPress={() => {
                onThrowAway();
                go();
              }}
            >
              Throw it away
            </Button>
            <Button onPress={go}>Leave, keep it</Button>
            <Button kind="primary" autoFocus onPress={() => setPending(null)}>
              Stay
            </Button>
          </footer>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
