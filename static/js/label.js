// Labelling by keys or taps: the next face is loaded before it is asked, and answers are sent one after the other.

import { explain, post } from "./post.js";

const root = document.querySelector("[data-label]");
const place = root.querySelector("[data-place]"); // absent once no face is left: "Undo" is then sent as without this script
const shelf = root.querySelector("[data-waiting]"); // questions whose pictures load while another is asked
const live = root.querySelector("[data-live]");
const trouble = root.querySelector("[data-trouble]");

let sending = Promise.resolve();
let unanswered = 0; // requests under way

const asked = () => place?.querySelector("[data-question]");
const loaded = () => [...root.querySelectorAll("[data-question]")];

// Rendered by our own templates, which escape what people wrote; scripts in them would not run.
function parse(html, selector) {
  return new DOMParser().parseFromString(html, "text/html").querySelector(selector);
}

function ask(question) {
  place.replaceChildren();
  if (!question) return;
  place.append(question);
  question.focus({ preventScroll: true });
}

// The face before comes back, and the one that was asked waits again.
function askAgain(question) {
  const present = asked();
  if (present) shelf.prepend(present);
  ask(question);
}

function keep(question) {
  if (!question || loaded().some((other) => other.dataset.question === question.dataset.question)) return;
  if (asked()) shelf.append(question);
  else ask(question);
}

function complain(words) {
  trouble.textContent = words;
  trouble.hidden = !words;
  if (words) live.textContent = words;
}

function answer(question, value) {
  question.remove();
  ask(shelf.querySelector("[data-question]"));
  enqueue(async () => {
    try {
      const step = await send(question, value);
      keep(step.next);
    } catch (error) {
      askAgain(question);
      complain(explain(error, "That answer was not stored"));
    }
  });
}

function undo() {
  if (!place) {
    root.querySelector("[data-last] button")?.click();
    return;
  }
  enqueue(async () => {
    // Looked up now: what was said last may have been on its way when the key was pressed.
    const last = root.querySelector("[data-last]");
    if (!last?.elements.question) return;
    try {
      const step = await send(last, "undo");
      if (step.kept) askAgain(step.next);
      else keep(step.next);
    } catch (error) {
      complain(explain(error, "That was not taken back"));
    }
  });
}

function enqueue(work) {
  unanswered += 1;
  sending = sending.then(work).then(() => {
    unanswered -= 1;
    if (!asked() && unanswered === 0) window.location.reload(); // none is left: the page says so
  });
}

async function send(form, value) {
  const data = new FormData(form);
  data.set("answer", value);
  for (const other of loaded()) if (other !== form) data.append("held", other.elements.question.value);
  const step = await post(form, data); // a step too when the answer was not kept, with words in `notice`
  const batch = parse(step.batch, "[data-batch]");
  if (batch)
    for (const line of root.querySelectorAll(`[data-batch="${batch.dataset.batch}"]`))
      line.textContent = batch.textContent;
  root.querySelector("[data-status]").replaceWith(parse(step.status, "[data-status]"));
  complain(step.notice);
  if (!step.notice) {
    const said = root.querySelector("[data-said]")?.textContent.replace(/\s+/g, " ").trim();
    live.textContent = { undo: "The answer was taken back.", skip: "Skipped." }[value] ?? said ?? "";
  }
  return { kept: !step.notice, next: parse(step.next, "[data-question]") };
}

document.addEventListener("submit", (event) => {
  const { target, submitter } = event;
  if (!submitter || !place || !root.contains(target)) return;
  event.preventDefault();
  if (target.matches("[data-last]")) undo();
  else answer(target, submitter.value);
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target.matches("input, select, textarea"))
    return;
  const key = event.key.toLowerCase();
  if (key === "u") {
    event.preventDefault();
    undo();
    return;
  }
  const button = key.length === 1 && asked()?.querySelector(`button[data-key="${CSS.escape(key)}"]`);
  if (!button) return;
  event.preventDefault();
  answer(asked(), button.value);
});

asked()?.focus({ preventScroll: true });
