// A key presses what is marked with it: data-key on links and buttons. Never while somebody types.
document.addEventListener("keydown", (event) => {
  "use strict";
  if (event.key === "Escape") {
    document.querySelectorAll("details.menu[open]").forEach((menu) => { menu.open = false; });
    if (event.target.matches("input, textarea")) event.target.blur();
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const marked = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]:not([disabled])`);
  if (!marked) return;
  event.preventDefault();
  marked.click();
});
