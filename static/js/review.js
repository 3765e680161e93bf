// Keys on the page of one answer in admin: each element says in data-keys which keys are its own.
// Buttons and links are pressed, the field for a reason gets the focus. Without this module everything works by mouse.

let sent = false;

function find(key) {
  return document.querySelector(`[data-keys~="${CSS.escape(key)}"]`);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.repeat) return;
  const on = event.target;
  if (on.matches("input, select, textarea")) {
    if (event.key === "Escape") on.blur();
    return;
  }
  const wanted = find(event.key.length === 1 ? event.key.toLowerCase() : event.key);
  if (!wanted || sent) return;
  event.preventDefault();
  if (wanted.matches("input")) wanted.focus();
  else wanted.click();
});

// A decision cannot be taken back: a second key while the page is leaving must not decide anything.
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-decision]")) return;
  if (sent) event.preventDefault();
  sent = true;
});

window.addEventListener("pageshow", () => {
  sent = false;
});
