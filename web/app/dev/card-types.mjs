// Writes src/api/card-types.ts from the JSON Schema of conversation/card, which
// is itself generated from the Go types. With --check it only compares.
import { readFile, writeFile } from 'node:fs/promises'

const schemaFile = new URL('../../../conversation/card/schema.json', import.meta.url)
const target = new URL('../src/api/card-types.ts', import.meta.url)
const schema = JSON.parse(await readFile(schemaFile, 'utf8'))

const name = (ref) => ref.replace('#/$defs/', '')
const comment = (text, indent) => {
  if (!text) return ''
  const words = text.split(/\s+/)
  const lines = ['']
  for (const word of words) {
    const line = lines.at(-1)
    if (line && line.length + word.length + indent.length > 84) lines.push(word)
    else lines[lines.length - 1] = line ? `${line} ${word}` : word
  }
  return lines.length === 1
    ? `${indent}/** ${lines[0]} */\n`
    : `${indent}/**\n${lines.map((l) => `${indent} * ${l}\n`).join('')}${indent} */\n`
}

function type(node) {
  if (node === true || node === undefined) return 'unknown'
  if (node.$ref) return name(node.$ref)
  if (node.const !== undefined) return JSON.stringify(node.const)
  if (node.enum) return node.enum.map((v) => `'${v}'`).join(' | ')
  switch (node.type) {
    case 'string':
      return 'string'
    case 'integer':
    case 'number':
      return 'number'
    case 'boolean':
      return 'boolean'
    case 'array':
      return `${type(node.items)}[]`
    default:
      return 'unknown'
  }
}

function definition(id, node) {
  const head = comment(node.description, '')
  if (node.type !== 'object') {
    // Examples are the values known today; a later one must not break a client.
    const known = node.enum ?? node.examples
    const union = known?.map((v) => `'${v}'`).join(' | ')
    return `${head}export type ${id} = ${node.enum ? union : known ? `${union} | (string & {})` : type(node)}\n`
  }
  const required = new Set(node.required ?? [])
  const lines = Object.entries(node.properties ?? {}).map(
    ([key, value]) => `${comment(value.description, '  ')}  ${key}${required.has(key) ? '' : '?'}: ${type(value)}\n`,
  )
  return `${head}export interface ${id} {\n${lines.join('')}}\n`
}

const text = [
  '// Generated from conversation/card/schema.json. Do not edit: npm run types.\n',
  ...Object.entries(schema.$defs).map(([id, node]) => definition(id, node)),
].join('\n')

if (process.argv.includes('--check')) {
  if ((await readFile(target, 'utf8')) !== text) {
    console.error('src/api/card-types.ts is not what conversation/card/schema.json says: run npm run types')
    process.exit(1)
  }
} else {
  await writeFile(target, text)
}
