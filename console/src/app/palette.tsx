// Ctrl-K: every page, and any device by its name, from the keyboard.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Dialog, Input, ListBox, ListBoxItem, Modal, ModalOverlay, SearchField } from 'react-aria-components';
import { useLocation } from 'wouter';
import { api, take } from '../api/client';
import { Foreign } from '../ui/ui';
import { PAGES } from './pages';
import { link } from './url';

interface Choice {
  id: string;
  to: string;
  title: string;
  note: string;
}

export function Palette({ isOpen, close }: { isOpen: boolean; close: () => void }) {
  return (
    <ModalOverlay className="modal-overlay" isOpen={isOpen} onOpenChange={(open) => !open && close()} isDismissable>
      <Modal className="modal">
        <Dialog aria-label="Go to" className="palette">
          <Choices close={close} />
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

function Choices({ close }: { close: () => void }) {
  const [text, setText] = useState('');
  const [, navigate] = useLocation();
  const wanted = text.trim();
  const device = useQuery({
    queryKey: ['palette', wanted],
    queryFn: () =>
      take(api.GET('/v1/devices/{device_id}', { params: { path: { device_id: wanted } } })).catch(() => null),
    enabled: wanted.length > 0,
    staleTime: 5_000,
  });
  const choices: Choice[] = PAGES.filter(
    (page) => page.group && page.title.toLowerCase().includes(wanted.toLowerCase()),
  ).map((page) => ({ id: page.path, to: page.path, title: page.title, note: 'page' }));
  if (device.data) {
    const name = device.data.device_id;
    choices.unshift({ id: `device ${name}`, to: `/devices/${encodeURIComponent(name)}`, title: name, note: 'device' });
  }
  if (wanted) {
    const where = `STARTSWITH(deviceId, '${wanted.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}')`;
    choices.push({ id: 'search', to: link('/devices', { where }), title: wanted, note: 'devices that begin with' });
  }
  const go = (id: string | number) => {
    const choice = choices.find((each) => each.id === id);
    if (!choice) return;
    close();
    navigate(choice.to);
  };
  return (
    <>
      <SearchField aria-label="Go to a page or device" value={text} onChange={setText} autoFocus>
        <Input
          className="input palette-input"
          placeholder="A page, or a device id…"
          onKeyDown={(event) => {
            if (event.key === 'Enter' && choices[0]) go(choices[0].id);
          }}
        />
      </SearchField>
      <ListBox aria-label="Choices" items={choices} onAction={go}>
        {(choice) => (
          <ListBoxItem id={choice.id} textValue={choice.title} className="menu-item">
            <Foreign text={choice.title} /> <span className="muted">{choice.note}</span>
          </ListBoxItem>
        )}
      </ListBox>
    </>
  );
}
