// A training run's page: asks how far it is, and loads again when it has ended.

const section = document.querySelector("[data-run]");
const words = section.querySelector("[data-words]");
const bar = section.querySelector("[data-share]");
const EVERY = 2000;

function show(seen) {
  const text = seen.words.charAt(0).toUpperCase() + seen.words.slice(1);
  if (words.textContent !== text) words.textContent = text;
  bar.value = seen.share;
}

async function look() {
  try {
    const answer = await fetch(section.dataset.run, { headers: { Accept: "application/json" } });
    if (answer.ok) {
      const seen = await answer.json();
      show(seen);
      if (!seen.active) {
        window.location.reload();
        return;
      }
    }
  } catch {
    // The site is away for a moment; the next look will tell.
  }
  setTimeout(look, EVERY);
}

setTimeout(look, EVERY);
