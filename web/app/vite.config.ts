import { readdir, readFile, writeFile } from 'node:fs/promises'
import { brotliCompressSync, constants } from 'node:zlib'
import react from '@vitejs/plugin-react'
import tailwindcss from '@tailwindcss/vite'
import { defineConfig } from 'vitest/config'

/** The API that `npm run dev` talks to: the mock by default, or a running service. */
const api = process.env.SANDBOX_API ?? 'http://127.0.0.1:4790'

/** Puts a brotli twin beside every asset that gets smaller by it; the service sends that. */
const brotli = {
  name: 'brotli',
  apply: 'build' as const,
  async closeBundle() {
    const folder = new URL('./dist/assets/', import.meta.url)
    for (const name of await readdir(folder)) {
      if (!/\.(js|css|svg|webmanifest)$/.test(name)) continue
      const raw = await readFile(new URL(name, folder))
      const small = brotliCompressSync(raw, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: raw.length } })
      if (small.length < raw.length) await writeFile(new URL(`${name}.br`, folder), small)
    }
  },
}

export default defineConfig({
  // Relative, so that the service may serve the app under a base path.
  base: './',
  plugins: [react(), tailwindcss(), brotli],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: ['es2023', 'chrome120', 'firefox121', 'safari17.4'],
    // No data: URLs: the Content-Security-Policy needs no exception for them.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1600,
  },
  server: {
    host: '127.0.0.1',
    proxy: { '/api': api, '/auth': api, '/deployments': api },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
})
