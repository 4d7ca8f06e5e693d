// Ctrl-K: every page, and any device by its name, from the keyboard.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Autocomplete, Dialog, Input, ListBox, ListBoxItem, Modal, ModalOverlay, SearchField } from 'react-aria-components';
import { useLocation } from 'wouter';
import { api, take } from '../api/client';
import { queryText } from '../ui/text';
import { Foreign } from '../ui/ui';
import { PAGES } from './pages';
import { link } from './url';

interface Choice {
  id: string;
  to: string;
  title: string;
  note: string;
  keys?: string;
}

const DEVICES = 6;

/** Return the condition for devices whose names begin with a text. */
export function beginsWith(text: string): string {
  return `STARTSWITH(deviceId, ${queryText(text)})`;
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
  const where = beginsWith(wanted);
  const devices = useQuery({
    queryKey: ['palette', wanted],
    queryFn: () => take(api.GET('/v1/devices', { params: { query: { where, limit: DEVICES } } })).catch(() => null),
    enabled: wanted.length > 0,
    staleTime: 5_000,
    placeholderData: keepPreviousData,
  });
  const found = (devices.data?.items ?? []).map((each) => each.device_id).filter((name) => name.startsWith(wanted));
  const choices: Choice[] = [
    ...PAGES.filter((page) => page.group && page.title.toLowerCase().includes(wanted.toLowerCase())).map((page) => ({
      id: page.path,
      to: page.path,
      title: page.title,
      note: 'page',
      keys: page.key ? `g ${page.key}` : '',
    })),
    ...(wanted ? found : []).map((name) => ({
      id: `device ${name}`,
      to: `/devices/${encodeURIComponent(name)}`,
      title: name,
      note: 'device',
    })),
  ];
  // Who types a whole name means that device, even where a page is called alike.
  choices.sort((a, b) => Number(b.title === wanted) - Number(a.title === wanted));
  if (wanted) choices.push({ id: 'search', to: link('/devices', { where }), title: wanted, note: 'devices that begin with' });
  const go = (id: string | number) => {
    const choice = choices.find((each) => each.id === id);
    if (!choice) return;
    close();
    navigate(choice.to);
  };
  return (
    <Autocomplete inputValue={text} onInputChange={setText}>
      <SearchField aria-label="Go to a page or device" autoFocus>
        <Input className="input palette-input" placeholder="A page, or a device id…" />
      </SearchField>
      <ListBox aria-label="Choices" items={choices} onAction={go} shouldFocusWrap>
        {(choice) => (
          <ListBoxItem id={choice.id} textValue={choice.title} className="menu-item goto">
            <Foreign text={choice.title} /> <span className="muted">{choice.note}</span>
            {choice.keys && <kbd>{choice.keys}</kbd>}
          </ListBoxItem>
        )}
      </ListBox>
    </Autocomplete>
  );
}
