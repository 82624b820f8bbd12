import react from '@vitejs/plugin-react'
import tailwindcss from '@tailwindcss/vite'
import { defineConfig } from 'vitest/config'

/** The API that `npm run dev` talks to: the mock by default, or a running service. */
const api = process.env.SANDBOX_API ?? 'http://127.0.0.1:4790'

export default defineConfig({
  // Relative, so that the service may serve the app under a base path.
  base: './',
  plugins: [react(), tailwindcss()],
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
