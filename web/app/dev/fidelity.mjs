// Compares what xterm.js shows of recorded streams with what it shows when it is given
// a snapshot somewhere in them and goes on from there, cell by cell: what a page that
// comes later or was away shows. `node dev/fidelity.mjs FOLDER` reads NAME.json files
// of {cols, rows, stream, cuts: [{at, paint}]}, in base64, and prints a line for each.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import unicode from '@xterm/addon-unicode11'
import xterm from '@xterm/headless'

const terminal = (cols, rows) => {
  const t = new xterm.Terminal({ allowProposedApi: true, cols, rows, scrollback: 5000 })
  t.loadAddon(new unicode.Unicode11Addon())
  t.unicode.activeVersion = '11'
  return t
}
const write = (t, bytes) => new Promise((resolve) => t.write(bytes, resolve))

/** All that can be seen of a cell: its text, width, colours and style. */
function cell(c) {
  if (!c) return ''
  const style = [c.isBold(), c.isDim(), c.isItalic(), c.isUnderline(), c.isInverse(), c.isInvisible(), c.isStrikethrough(), c.isBlink(), c.isOverline()]
  return `${c.getChars() || ' '}|${c.getWidth()}|${c.getFgColorMode()}:${c.getFgColor()}|${c.getBgColorMode()}:${c.getBgColor()}|${style.map(Number).join('')}`
}

/** The first thing in which two terminals differ; empty when there is none. */
function difference(a, b) {
  for (const key of ['applicationCursorKeysMode', 'applicationKeypadMode', 'bracketedPasteMode', 'insertMode', 'mouseTrackingMode', 'originMode', 'sendFocusMode', 'wraparoundMode']) {
    if (a.modes[key] !== b.modes[key]) return `mode ${key}: ${a.modes[key]} and ${b.modes[key]}`
  }
  if (a.buffer.active.type !== b.buffer.active.type) return `the ${a.buffer.active.type} and the ${b.buffer.active.type} screen`
  if (a.buffer.active.cursorX !== b.buffer.active.cursorX || a.buffer.active.cursorY !== b.buffer.active.cursorY) {
    return `the cursor at ${a.buffer.active.cursorX},${a.buffer.active.cursorY} and ${b.buffer.active.cursorX},${b.buffer.active.cursorY}`
  }
  for (const kind of ['normal', 'alternate']) {
    if (kind === 'alternate' && a.buffer.active.type !== kind) continue // nobody sees it again
    const [x, y] = [a.buffer[kind], b.buffer[kind]]
    const lines = Math.max(x.length, y.length)
    if (x.baseY !== y.baseY) return `${kind}: ${x.baseY} and ${y.baseY} lines above`
    for (let line = 0; line < lines; line++) {
      for (let col = 0; col < a.cols; col++) {
        const [one, other] = [cell(x.getLine(line)?.getCell(col)), cell(y.getLine(line)?.getCell(col))]
        if (one !== other) return `${kind} ${line}:${col}: ${one} and ${other}`
      }
    }
  }
  return ''
}

let failed = false
for (const name of (await readdir(process.argv[2])).sort()) {
  const { cols, rows, stream, cuts } = JSON.parse(await readFile(join(process.argv[2], name), 'utf8'))
  const bytes = Buffer.from(stream, 'base64')
  const whole = terminal(cols, rows)
  await write(whole, bytes)
  let same = 0
  for (const { at, paint } of cuts) {
    const before = terminal(cols, rows)
    const late = terminal(cols, rows)
    await write(before, bytes.subarray(0, at))
    await write(late, Buffer.from(paint, 'base64'))
    let problem = difference(before, late)
    if (!problem) {
      await write(late, bytes.subarray(at))
      problem = difference(whole, late) && `and then, ${difference(whole, late)}`
    }
    if (problem) {
      failed = true
      console.log(`${name} from ${at} of ${bytes.length}: ${problem}`)
    } else same++
    before.dispose()
    late.dispose()
  }
  whole.dispose()
  console.log(`${name.replace('.json', '')}\t${bytes.length} bytes\t${same} of ${cuts.length} the same`)
}
process.exit(failed ? 1 : 0)
