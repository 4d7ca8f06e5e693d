// A QR code, always dark on light: cameras do not read the reverse.
import { useMemo } from 'react';
import { QR_MAX_BYTES, qrCode } from './qr';

const QUIET = 4;

/** Nothing is drawn of a text that is too long: it stands beside. */
export function QrCode({ text, label }: { text: string; label: string }) {
  const modules = useMemo(() => (new TextEncoder().encode(text).length > QR_MAX_BYTES ? [] : qrCode(text)), [text]);
  if (modules.length === 0) return null;
  const size = modules.length + 2 * QUIET;
  const dark = modules
    .flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : '')))
    .join('');
  return (
    <svg className="qr-code" role="img" aria-label={label} viewBox={`0 0 ${size} ${size}`} shapeRendering="crispEdges">
      <rect width={size} height={size} fill="#fff" />
      <path d={dark} fill="#000" />
    </svg>
  );
}
