// Answers about faces on the result page: a tap or a key (1–7, Enter, 0, N, U) answers, and the next face has the focus.

import { explain, post } from "./post.js";

const body = document.querySelector("[data-result-body]");
const live = document.querySelector("[data-live]");

// The face that keys speak of: the one with the focus, else the first without an answer, else the last answered.
function findQuestion() {
  const focused = document.activeElement?.closest("[data-face]");
  const number = focused?.dataset.face;
  const own = number && body.querySelector(`article[data-face="${number}"] [data-question]`);
  return own || body.querySelector("[data-question]:not([data-answered])") || lastAnswered;
}

let lastAnswered = null;

async function send(form, button) {
  const data = new FormData(form);
  data.set("answer", button.value);
  for (const other of form.querySelectorAll("button")) other.disabled = true;
  try {
    const answer = await post(form, data);
    if (answer.revealed) {
      window.location.reload(); // all is answered: now the network's answers may be seen
      return;
    }
    show(form, answer.html, button.value);
  } catch (error) {
    for (const other of form.querySelectorAll("button")) other.disabled = false;
    const words = explain(error, "The answer was not stored");
    complain(form, error.status === 409 ? `${words} Reload the page and try again.` : words); // the page is behind
  }
}

function complain(form, words) {
  const place = form.querySelector("[data-complaint]") ?? document.createElement("p");
  place.dataset.complaint = "";
  place.className = "text-danger mb-1";
  place.textContent = words;
  form.prepend(place);
  live.textContent = words;
}

function show(form, html, said) {
  // Rendered by our own template, which escapes what people wrote; scripts in it would not run.
  const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("[data-question]");
  form.replaceWith(fresh);
  live.textContent = fresh.querySelector(".question-said")?.textContent.trim() ?? "The answer was taken back.";
  if (said === "undo") {
    fresh.closest("article").focus();
    return;
  }
  lastAnswered = fresh;
  const next = body.querySelector("[data-question]:not([data-answered])");
  (next?.closest("article") ?? fresh.querySelector(".question-said")).focus();
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-question]") || !event.submitter) return;
  event.preventDefault();
  send(event.target, event.submitter);
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || document.querySelector("dialog[open]")) return;
  const on = event.target;
  if (on.matches("input, select, textarea")) return;
  // Enter on a link or a button is theirs.
  if (event.key === "Enter" && on.closest("a, button, summary")) return;
  const form = findQuestion();
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const button = form?.querySelector(`button[data-key="${CSS.escape(key)}"]`);
  if (!button || button.disabled) return;
  event.preventDefault();
  send(form, button);
});
