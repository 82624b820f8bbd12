// Draws the PNG icons from public/assets/icon.svg with a Chromium.
import { readFile, writeFile } from 'node:fs/promises'
import { chromium } from 'playwright-core'

const assets = new URL('../public/assets/', import.meta.url)
const svg = await readFile(new URL('icon.svg', assets), 'utf8')
const full = svg.replace(' rx="14"', '')
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] })
for (const [name, size, picture] of [
  ['icon-180.png', 180, full],
  ['icon-192.png', 192, svg],
  ['icon-512.png', 512, svg],
  ['icon-maskable-512.png', 512, full],
]) {
  const page = await browser.newPage({ viewport: { width: size, height: size } })
  await page.setContent(`<style>body{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${picture}`)
  await writeFile(new URL(name, assets), await page.screenshot({ omitBackground: true }))
  await page.close()
}
await browser.close()
