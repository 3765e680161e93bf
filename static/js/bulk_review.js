// The page of a bulk review asks every second how far it is; when it is done, the page comes anew with what went wrong.

const PERIOD = 1000;
const SLOW_PERIOD = 5000;
const place = document.querySelector("[data-progress]");

async function ask() {
  let wait = PERIOD;
  try {
    const response = await fetch(place.dataset.progress, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(String(response.status));
    const news = await response.json();
    if (news.state === "done") {
      window.location.reload();
      return;
    }
    show(news);
  } catch {
    wait = SLOW_PERIOD; // the site is away, or the session has ended: the figures stay as they were
  }
  setTimeout(ask, wait);
}

function show(news) {
  place.querySelector("progress").value = news.done;
  for (const field of place.querySelectorAll("[data-field]")) {
    const words = String(news[field.dataset.field]);
    if (field.textContent !== words) field.textContent = words;
  }
}

setTimeout(ask, PERIOD);
