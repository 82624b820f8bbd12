// Applies a chosen theme before the first paint. It is a file of its own, as the
// Content-Security-Policy forbids inline script.
try {
  const theme = localStorage.getItem('sandbox.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Storage may be forbidden: the device's theme it is.
}
