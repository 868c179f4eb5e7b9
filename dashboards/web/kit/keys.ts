/**
 * Single-key shortcuts for the desk. They rest while a text field, a menu or a
 * dialog has the focus, and with any modifier (WCAG 2.1.4; they can be turned
 * off in the help).
 */
export function keyOf(e: KeyboardEvent): string | undefined {
  if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return undefined;
  const el = e.target instanceof Element ? e.target : undefined;
  if (el?.closest('input:not([type=checkbox],[type=radio],[type=range]), textarea, select, dialog, [contenteditable], [role=menu]')) return undefined;
  // a button keeps its own keys
  if ((e.key === 'Enter' || e.key === ' ') && el?.closest('button, a, [role=button], summary')) return undefined;
  return e.key.length === 1 ? e.key.toLowerCase() : e.key;
}
