// "Needs attention": what somebody should look at, worst first, each with its reason and the page where it is mended.
import type { Schemas } from '../api/client';
import { link } from '../app/url';
import type { Tone } from '../ui/ui';

export interface Matter {
  id: string;
  tone: Tone;
  title: string;
  /** Text from outside that the title is about. */
  subject: string;
  why: string;
  to: string;
  act: string;
}

export interface Facts {
  status: Schemas['StatusView'] | undefined;
  refusals: Schemas['DecisionView'][];
  /** Devices of these refusals that are connected by now: what was in their way is gone. */
  back: ReadonlySet<string>;
  clones: Schemas['CloneAlertView'][];
  /** Devices that are enabled and active, and not connected. */
  silent: number | undefined;
  /** Devices that authenticate in a weak way. */
  flagged: number | undefined;
  now: number;
}

const DAY_MS = 86_400_000;
const SOON_DAYS = 60;
const ORDER: Tone[] = ['bad', 'warn', 'info', 'plain', 'good'];

/** Return what needs attention. */
export function matters(facts: Facts): Matter[] {
  const found: Matter[] = [];
  for (const part of facts.status?.components ?? []) {
    if (part.health === 'ok') continue;
    // Each clone alert stands below, with what to do.
    if (part.name === 'identities' && facts.clones.some((alert) => alert.is_open)) continue;
    if (part.name === 'alerts') {
      found.push({
        id: 'alerts',
        tone: 'bad',
        title: part.detail,
        subject: '',
        why: 'high or critical, and nobody has looked at them',
        to: link('/alerts', { severity: 'high', order: 'gravest' }),
        act: 'Alerts',
      });
      continue;
    }
    found.push({
      id: `component ${part.name}`,
      tone: part.health === 'failed' ? 'bad' : 'warn',
      title: `Component ${part.name} ${part.health === 'failed' ? 'has failed' : 'needs a look'}`,
      subject: '',
      why: [part.detail, part.hint].filter(Boolean).join(' – '),
      to: '#components',
      act: 'Components',
    });
  }
  for (const alert of facts.clones) {
    if (!alert.is_open) continue;
    found.push({
      id: alert.alert_id,
      tone: 'bad',
      title: 'Two clients use one identity',
      subject: alert.module_id ? `${alert.device_id}/${alert.module_id}` : alert.device_id,
      why: alert.is_same_certificate
        ? 'both presented the same certificate: its key was copied'
        : 'they presented different credentials',
      to: '/clone-alerts',
      act: 'Clone alerts',
    });
  }
  const refused = new Map<string, { reason: string; hint: string; count: number }>();
  for (const each of facts.refusals) {
    if (facts.back.has(each.device_id)) continue;
    const known = refused.get(each.device_id);
    refused.set(each.device_id, {
      reason: known?.reason ?? each.reason,
      hint: known?.hint ?? each.hint,
      count: (known?.count ?? 0) + each.repeated,
    });
  }
  for (const [device, { reason, hint, count }] of refused) {
    found.push({
      id: `refused ${device}`,
      tone: 'warn',
      title: `Refused ${count} ${count === 1 ? 'time' : 'times'}: ${reason.replaceAll('_', ' ')}`,
      subject: device,
      why: hint,
      to: link('/refusals', { device }),
      act: 'Why',
    });
  }
  for (const authority of facts.status?.authorities ?? []) {
    const days = Math.floor((Date.parse(authority.not_after) - facts.now) / DAY_MS);
    if (days > SOON_DAYS) continue;
    found.push({
      id: `authority ${authority.purpose}`,
      tone: days < 14 ? 'bad' : 'warn',
      title: days < 0 ? `The ${authority.purpose} authority has expired` : `The ${authority.purpose} authority expires in ${days} days`,
      subject: '',
      why: 'certificates that it issued end with it',
      to: '/authorities',
      act: 'Authorities',
    });
  }
  if (facts.silent) {
    found.push({
      id: 'silent',
      tone: 'info',
      title: `${facts.silent} active ${facts.silent === 1 ? 'device is' : 'devices are'} not connected`,
      subject: '',
      why: 'powered off, out of reach, or refused',
      to: link('/devices', { where: SILENT }),
      act: 'Devices',
    });
  }
  if (facts.flagged) {
    found.push({
      id: 'flagged',
      tone: 'info',
      title: `${facts.flagged} ${facts.flagged === 1 ? 'device authenticates' : 'devices authenticate'} by a symmetric key`,
      subject: '',
      why: 'a key that is sent in proofs can be copied; move them to certificates',
      to: link('/devices', { where: FLAGGED }),
      act: 'Devices',
    });
  }
  return found.sort((a, b) => ORDER.indexOf(a.tone) - ORDER.indexOf(b.tone));
}

export const SILENT = "connectionState = 'Disconnected' AND status = 'enabled' AND lifecycle = 'active'";
export const FLAGGED = "authenticationType = 'sas'";
export const STOPPED = "status = 'disabled' OR isBlocked = true";
