import { resolve } from 'node:path';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig } from 'vite';

/** The page: hashed files for the server to serve under its own port, next to the compiled server. */
export default defineConfig({
  root: import.meta.dirname,
  base: '/',
  plugins: [tailwindcss()],
  build: {
    outDir: resolve(import.meta.dirname, '../dist/web'),
    emptyOutDir: true,
    target: 'es2023',
    // The content policy allows no data: addresses, so nothing is put inside another file.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    reportCompressedSize: false,
  },
});
