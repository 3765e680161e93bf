// Answers about faces on the result page: a tap or a key (1–7, Enter, 0, N, U) answers, and the next face has the focus
// at once, then the way to the next photo. Answers are sent one after the other, each to the face it was meant for.

import { explain, post } from "./post.js";

const UNDO = "undo";
const root = document.querySelector("[data-result]");
const body = root.querySelector("[data-result-body]");
const live = root.querySelector("[data-live]");

const coming = new Map(); // number of a face → the last answer to it that is under way
let failed = false; // what was answered last could not be stored: nobody is led away from that
let sending = Promise.resolve();

const findFaces = () => [...body.querySelectorAll("article[data-face]")];
const findFace = (number) => body.querySelector(`article[data-face="${number}"]`);
const findForm = (face) => face?.querySelector("[data-question]");

// Numbers of the faces that were answered, the last one last; what was answered before is taken back from the first on.
let answered = findFaces()
  .filter((face) => findForm(face)?.matches("[data-answered]"))
  .map((face) => face.dataset.face);
answered.reverse();

// As the person knows it, whether the server does yet or not.
function isOpen(face) {
  const job = coming.get(face.dataset.face);
  return job ? job.value === UNDO : findForm(face)?.matches(":not([data-answered])");
}

function canUndo(face) {
  const job = coming.get(face?.dataset.face);
  return job ? job.value !== UNDO : Boolean(face?.querySelector(`[data-question] [value="${UNDO}"]`));
}

function findFocused() {
  const part = document.activeElement?.closest("[data-face]");
  return part && findFace(part.dataset.face);
}

// The face that keys speak of: the one with the focus, even if it cannot be answered, else the first without an answer,
// else the last answered. U falls back on the last answered too.
function chooseFace(key) {
  const focused = findFocused();
  if (key === "u") return canUndo(focused) ? focused : answered.map(findFace).findLast(canUndo);
  return focused ?? findFaces().find(isOpen) ?? findFace(answered.at(-1));
}

// While an answer to a face is under way, only its undoing counts, and what is said after that.
function give(face, value) {
  const number = face.dataset.face;
  if (value === UNDO ? !canUndo(face) : coming.has(number) && !isOpen(face)) return;
  const job = { number, value };
  failed = false;
  coming.set(number, job);
  answered = answered.filter((other) => other !== number);
  if (value !== UNDO) answered.push(number);
  for (const button of findForm(face).querySelectorAll("button")) button.disabled = true;
  const next =
    value === UNDO ? face : (findFaces().find(isOpen) ?? body.querySelector("article[data-waiting]") ?? face);
  next.focus();
  sending = sending.then(() => send(job));
}

async function send(job) {
  const form = findForm(findFace(job.number));
  try {
    const data = new FormData(form);
    data.set("answer", job.value);
    const answer = await post(form, data);
    settle(job);
    show(job, answer);
  } catch (error) {
    settle(job);
    const words = explain(error, "The answer was not stored");
    complain(job, error.status === 409 ? `${words} Reload the page and try again.` : words); // the page is behind
  }
}

function confirmFace(number) {
  const yes = findForm(findFace(number))?.querySelector('[data-key="Enter"]');
  if (yes) give(findFace(number), yes.value);
}

function settle(job) {
  if (coming.get(job.number) === job) coming.delete(job.number);
}

function complain(job, words) {
  failed = true;
  live.textContent = words;
  const face = findFace(job.number);
  const form = findForm(face);
  if (!form) return;
  const place = form.querySelector("[data-complaint]") ?? document.createElement("p");
  place.dataset.complaint = "";
  place.className = "text-danger mb-1";
  place.textContent = words;
  form.prepend(place);
  for (const button of form.querySelectorAll("button")) button.disabled = false;
  if (!coming.size) face.focus();
}

function show(job, answer) {
  if (answer.revealed) {
    root.dispatchEvent(new CustomEvent("result:answer", { detail: answer })); // now the network's answers may be seen
  } else {
    // Rendered by our own templates, which escape what people wrote; scripts in them would not run.
    const fresh = new DOMParser().parseFromString(answer.html + answer.next, "text/html");
    const face = findFace(job.number);
    const inside = findForm(face).contains(document.activeElement);
    live.textContent = fresh.querySelector(".question-said")?.textContent.trim() ?? "The answer was taken back.";
    findForm(face).replaceWith(fresh.querySelector("[data-question]"));
    body.querySelector("[data-next]").replaceWith(fresh.querySelector("[data-next]"));
    if (inside) face.focus();
  }
  // Nobody who has gone elsewhere meanwhile is taken away.
  const focused = document.activeElement;
  if (!coming.size && (focused === document.body || findFace(job.number).contains(focused))) findWayOn()?.focus();
}

const findWayOn = () => body.querySelector("[data-next] a");

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-question]") || !event.submitter) return;
  event.preventDefault();
  give(event.target.closest("[data-face]"), event.submitter.value);
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || document.querySelector("dialog[open]")) return;
  const on = event.target;
  if (on.matches("input, select, textarea")) return;
  // Enter on a link or a button is theirs.
  if (event.key === "Enter" && on.closest("a, button, summary")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const face = chooseFace(key);
  const value = key === "u" ? face && UNDO : findForm(face)?.querySelector(`[data-key="${CSS.escape(key)}"]`)?.value;
  if (value && !(key === "Enter" && coming.has(face.dataset.face))) {
    event.preventDefault();
    give(face, value);
  } else if (key === "Enter" && !findFaces().some(isOpen)) {
    event.preventDefault();
    sending = sending.then(() => failed || findWayOn()?.click()); // the way is there once all is stored
  } else if (key === "Enter" && face && isOpen(face)) {
    event.preventDefault();
    sending = sending.then(() => confirmFace(face.dataset.face)); // once its answer is taken back there is a "Yes" again
  }
});
