/** The terminal of a session: xterm.js, set up so that only the service answers programs. */
import { FitAddon } from '@xterm/addon-fit'
import { SearchAddon } from '@xterm/addon-search'
import { Unicode11Addon } from '@xterm/addon-unicode11'
import { WebLinksAddon } from '@xterm/addon-web-links'
import { WebglAddon } from '@xterm/addon-webgl'
import { Terminal as XTerm } from '@xterm/xterm'

/**
 * A document whose style elements are empty templates that pass their text on to
 * a constructed style sheet: the Content-Security-Policy forbids style elements.
 */
function strictDocument(): Document {
  return new Proxy(document, {
    get(target, key) {
      if (key === 'createElement') {
        return (name: string) => (name === 'style' ? adoptedStyle() : target.createElement(name))
      }
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

/** Does the same for the parts of xterm.js that take the page's own document while it opens. */
function strictly(open: () => void): void {
  const create = document.createElement.bind(document)
  document.createElement = ((name: string, options?: ElementCreationOptions) =>
    name === 'style' ? adoptedStyle() : create(name, options)) as typeof document.createElement
  try {
    open()
  } finally {
    Reflect.deleteProperty(document, 'createElement')
  }
}

function adoptedStyle(): HTMLElement {
  const element = document.createElement('template')
  const sheet = new CSSStyleSheet()
  document.adoptedStyleSheets.push(sheet)
  const remove = element.remove.bind(element)
  Object.defineProperties(element, {
    textContent: { set: (css: string) => sheet.replaceSync(css), get: () => '' },
    remove: {
      value: () => {
        document.adoptedStyleSheets = document.adoptedStyleSheets.filter((s) => s !== sheet)
        remove()
      },
    },
  })
  return element
}

const dark = { background: '#101216', foreground: '#e6e6e6', cursor: '#76cdc3', selectionBackground: '#33505a' }

export class Terminal {
  readonly xterm: XTerm
  readonly search = new SearchAddon()
  private readonly fit = new FitAddon()

  constructor(host: HTMLElement, onInput: (data: string) => void, onBinary: (data: string) => void) {
    this.xterm = new XTerm({
      allowProposedApi: true,
      documentOverride: strictDocument(),
      convertEol: false,
      cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
      fontFamily: 'ui-monospace, "Cascadia Mono", "Roboto Mono", Menlo, monospace',
      fontSize: 14,
      scrollback: 5000,
      theme: dark,
      linkHandler: { activate: (_, uri) => this.open(uri) },
    })
    const { xterm } = this
    xterm.loadAddon(this.fit)
    xterm.loadAddon(this.search)
    xterm.loadAddon(new Unicode11Addon())
    xterm.unicode.activeVersion = '11'
    xterm.loadAddon(new WebLinksAddon((_, uri) => this.open(uri)))
    // Questions of programs are answered by the service's screen, once; a browser
    // that answered too would type into the program.
    const mute = (): boolean => true
    for (const final of ['c', 'n']) {
      xterm.parser.registerCsiHandler({ final }, mute)
      for (const prefix of ['?', '>', '=']) xterm.parser.registerCsiHandler({ prefix, final }, mute)
    }
    xterm.parser.registerCsiHandler({ prefix: '>', final: 'q' }, mute)
    xterm.parser.registerCsiHandler({ intermediates: '$', final: 'p' }, mute)
    xterm.parser.registerCsiHandler({ prefix: '?', intermediates: '$', final: 'p' }, mute)
    xterm.parser.registerDcsHandler({ intermediates: '$', final: 'q' }, mute)
    for (const osc of [4, 10, 11, 12]) xterm.parser.registerOscHandler(osc, (data) => data.includes('?'))
    // The clipboard is nobody's but the person's.
    xterm.parser.registerOscHandler(52, mute)
    strictly(() => xterm.open(host))
    try {
      const webgl = new WebglAddon()
      webgl.onContextLoss(() => webgl.dispose()) // xterm.js goes on without
      xterm.loadAddon(webgl)
    } catch {
      // No WebGL here: xterm.js draws with elements.
    }
    xterm.onData(onInput)
    xterm.onBinary(onBinary)
  }

  private open(uri: string): void {
    if (/^https?:\/\//i.test(uri)) window.open(uri, '_blank', 'noopener,noreferrer')
  }

  /** The size that fits the host; null while it is hidden. */
  fits(): { cols: number; rows: number } | null {
    const size = this.fit.proposeDimensions()
    if (!size || !Number.isFinite(size.cols) || !Number.isFinite(size.rows)) return null
    return { cols: Math.max(size.cols, 2), rows: Math.max(size.rows, 1) }
  }

  snapshot(cols: number, rows: number, paint: Uint8Array, painted: () => void): void {
    this.xterm.reset()
    this.xterm.resize(cols, rows)
    this.xterm.write(paint, painted)
  }

  data(bytes: Uint8Array, painted: () => void): void {
    this.xterm.write(bytes, painted)
  }

  get bracketed(): boolean {
    return this.xterm.modes.bracketedPasteMode
  }

  get applicationCursor(): boolean {
    return this.xterm.modes.applicationCursorKeysMode
  }

  /** Whether a program uses the whole screen. */
  get fullScreen(): boolean {
    return this.xterm.buffer.active.type === 'alternate'
  }

  /** The last lines that are shown, as text. */
  tail(lines: number): string {
    const buffer = this.xterm.buffer.active
    const out: string[] = []
    for (let y = 0; y < this.xterm.rows; y++) {
      out.push(buffer.getLine(buffer.baseY + y)?.translateToString(true) ?? '')
    }
    while (out.length > 0 && out.at(-1) === '') out.pop()
    return out.slice(-lines).join('\n')
  }

  dispose(): void {
    this.xterm.dispose()
  }
}
