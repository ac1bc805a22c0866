// Applies the chosen theme before the first paint. Not a module, so that it runs at once.
try {
  const theme = localStorage.getItem('theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch { /* No storage: the system's theme applies. */ }
