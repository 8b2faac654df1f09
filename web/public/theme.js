// Runs before anything is drawn, so that a dark page never flashes white.
(() => {
  let chosen = 'system';
  try {
    chosen = localStorage.getItem('orch.theme') ?? 'system';
  } catch {
    // Storage may be off; the system's theme is then the only one.
  }
  const dark =
    chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
})();
