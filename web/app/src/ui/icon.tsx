/** The few icons of the app, drawn on a 20 px grid; always beside a text or a label. */
const paths = {
  menu: 'M3 6h14M3 10h14M3 14h14',
  plus: 'M10 4v12M4 10h12',
  close: 'M5 5l10 10M15 5L5 15',
  send: 'M10 16V4M5 9l5-5 5 5',
  stop: 'M6 6h8v8H6z',
  down: 'M10 4v12M5 11l5 5 5-5',
  chevron: 'M6 8l4 4 4-4',
  check: 'M4 10.5l4 4 8-9',
  cross: 'M6 6l8 8M14 6l-8 8',
  warning: 'M10 3L2 17h16L10 3zM10 8v4M10 14.5v.5',
  info: 'M10 9v5M10 6v.5M10 18a8 8 0 100-16 8 8 0 000 16z',
  edit: 'M12.5 4.5l3 3L7 16l-4 1 1-4 8.5-8.500z',
  download: 'M10 3v10M6 9l4 4 4-4M4 17h12',
  external: 'M8 5H4v11h11v-4M11 3h6v6M17 3l-8 8',
  eye: 'M2 10s3-5.5 8-5.5S18 10 18 10s-3 5.5-8 5.5S2 10 2 10zM10 12.5a2.5 2.5 0 100-5 2.5 2.5 0 000 5z',
  lock: 'M5 9h10v8H5zM7 9V6a3 3 0 016 0v3',
  user: 'M10 10a3.5 3.5 0 100-7 3.5 3.5 0 000 7zM3.5 17c.8-3.2 3.4-5 6.5-5s5.7 1.8 6.5 5',
  sun: 'M10 13.500a3.5 3.5 0 100-7 3.5 3.5 0 000 7zM10 2v1.500M10 16.500V18M2 10h1.500M16.5 10H18M4.3 4.300l1.1 1.100M14.6 14.600l1.1 1.100M4.3 15.700l1.1-1.100M14.6 5.400l1.1-1.1',
  enlarge: 'M12 3h5v5M8 17H3v-5M17 3l-6 6M3 17l6-6',
  list: 'M7 5h10M7 10h10M7 15h10M3 5h.5M3 10h.5M3 15h.5',
  graph: 'M3 8h5v4H3zM12 3h5v4h-5zM12 13h5v4h-5zM8 10h2V5h2M10 10v5h2',
  offline: 'M3 3l14 14M6 9a7 7 0 012-1.200M14 9a7 7 0 00-3-1.700M8.5 12a3 3 0 012-.8M10 15.500v.5M3.5 6.500A11 11 0 016 5M16.5 6.500A11 11 0 009 4',
  terminal: 'M3 4h14v12H3zM6 8l2.500 2L6 12M10.5 12.500h3.500',
  chat: 'M3 4h14v9.500H9L5.500 16.500V13.500H3z',
  phone: 'M5 3h3l1.500 4-2 1.500a9 9 0 004 4l1.500-2 4 1.500v3a1.500 1.500 0 01-1.500 1.500A12.500 12.500 0 013.500 4.500 1.500 1.500 0 015 3z',
  hangUp: 'M3 12.500c4-4 10-4 14 0l-2 2-3-1v-2a9 9 0 00-4 0v2l-3 1z',
  microphone: 'M10 12a2.500 2.500 0 002.500-2.500v-4a2.500 2.500 0 00-5 0v4A2.500 2.500 0 0010 12zM5 9.500a5 5 0 0010 0M10 14.500V17',
  microphoneOff: 'M3 3l14 14M12.500 8.500v-3a2.500 2.500 0 00-4.700-1.200M7.500 8v1.500a2.500 2.500 0 004 2M5 9.500a5 5 0 008 4M15 9.500a5 5 0 01-.3 1.700M10 14.500V17',
  dot: 'M10 9.500v1',
  file: 'M5 3h7l3 3v11H5zM12 3v3h3',
  clip: 'M14.500 9.500l-5 5a3 3 0 01-4.200-4.200l6-6a2 2 0 012.800 2.800l-6 6a1 1 0 01-1.400-1.400l5-5',
  more: 'M5 10h.5M10 10h.5M15 10h.5',
} as const

export type IconName = keyof typeof paths

export function Icon({ name, className = '' }: { name: IconName; className?: string }) {
  return (
    <svg
      viewBox="0 0 20 20"
      width="20"
      height="20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
      className={`shrink-0 ${className}`}
    >
      <path d={paths[name]} />
    </svg>
  )
}

/** The product's mark: a ring with a plus, something that is yours and grows. */
export function Mark({ className = '' }: { className?: string }) {
  return (
    <svg viewBox="0 0 64 64" width="28" height="28" aria-hidden="true" focusable="false" className={`shrink-0 ${className}`}>
      <rect width="64" height="64" rx="14" className="fill-accent" />
      <circle cx="32" cy="32" r="15" fill="none" strokeWidth="5" className="stroke-on-accent" />
      <path d="M32 27v10M27 32h10" strokeWidth="4" strokeLinecap="round" className="stroke-on-accent" />
    </svg>
  )
}

export function Spinner({ className = '' }: { className?: string }) {
  return (
    <svg viewBox="0 0 20 20" width="16" height="16" fill="none" aria-hidden="true" focusable="false" className={`turning shrink-0 ${className}`}>
      <circle cx="10" cy="10" r="7.5" stroke="currentColor" strokeWidth="2.2" opacity="0.25" />
      <path d="M10 2.500a7.5 7.5 0 017.5 7.5" stroke="currentColor" strokeWidth="2.2" strokeLinecap="round" />
    </svg>
  )
}
