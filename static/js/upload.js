// The upload page: a queue of photos, each with its own progress, error and retry. The server decides what a photo is;
// here only the size is looked at, to save the time of sending it.

const PARALLEL = 2;
const WAITING = "waiting";
const SENDING = "sending";
const STORED = "stored";
const FAILED = "failed";

class Item {
  constructor(file, key) {
    this.file = file;
    this.key = key; // the same for every try: a retry after a lost answer finds the photo that was stored
    this.state = WAITING;
    this.message = "";
    this.percent = 0;
    this.url = "";
    this.duplicate = false;
    this.retryable = false;
    this.login = false;
    this.request = null;
  }
}

export function formatSize(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  if (bytes < 1024 * 1024) return `${Math.round(bytes / 1024)} KB`;
  return `${(bytes / (1024 * 1024)).toFixed(1)} MB`;
}

function makeKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID exists on HTTPS only
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

class UploadPage {
  constructor(form) {
    this.form = form;
    this.input = form.querySelector("input[type=file][name=image]");
    this.queue = document.querySelector("[data-queue]");
    this.list = document.querySelector("[data-queue-list]");
    this.end = document.querySelector("[data-queue-end]");
    this.live = document.querySelector("[data-live]");
    this.template = document.querySelector("[data-queue-item]");
    this.rows = new Map();
    this.listen();
  }

  listen() {
    this.form.querySelector("[data-needs-script]").hidden = false;
    this.form.querySelector("[data-submit]").hidden = true;
    this.input.required = false;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.take(this.input);
    });
    for (const input of this.form.querySelectorAll("input[type=file]")) {
      input.addEventListener("change", () => this.take(input));
    }
    document.addEventListener("paste", (event) => {
      const files = event.clipboardData ? [...event.clipboardData.files] : [];
      if (files.length) {
        event.preventDefault();
        this.add(files);
      }
    });
    this.listenForDrops();
    window.addEventListener("beforeunload", (event) => {
      if (this.items().some((item) => item.state === SENDING || item.state === WAITING)) event.preventDefault();
    });
    if (this.input.files.length) this.take(this.input); // chosen before this script ran
  }

  listenForDrops() {
    // The whole page takes drops: a photo dropped beside the box would otherwise replace the page.
    const zone = this.form.querySelector("[data-drop-zone]");
    const hasFiles = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
    document.addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
      zone.classList.add("drop-zone-over");
    });
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) zone.classList.remove("drop-zone-over");
    });
    document.addEventListener("drop", (event) => {
      zone.classList.remove("drop-zone-over");
      if (!hasFiles(event)) return;
      event.preventDefault();
      this.add([...event.dataTransfer.files]);
    });
  }

  take(input) {
    const files = [...input.files];
    input.value = ""; // so that the same file can be chosen again
    this.add(files);
  }

  add(files) {
    for (const file of files) {
      const item = new Item(file, makeKey());
      this.rows.set(item, this.makeRow(item));
      if (file.size > Number(this.form.dataset.maxBytes)) {
        this.fail(
          item,
          `This file is larger than ${this.form.dataset.maxText}. Save it smaller and add it again.`,
          false,
        );
      } else {
        this.show(item);
      }
    }
    this.queue.hidden = this.rows.size === 0;
    this.work();
  }

  items() {
    return [...this.rows.keys()];
  }

  makeRow(item) {
    const row = this.template.content.firstElementChild.cloneNode(true);
    row.querySelector("[data-name]").textContent = item.file.name || "pasted photo";
    row.querySelector("[data-size]").textContent = formatSize(item.file.size);
    row.querySelector("[data-progress]").setAttribute("aria-label", `Sent of ${item.file.name || "pasted photo"}`);
    row.querySelector("[data-retry]").addEventListener("click", () => this.retry(item));
    row.querySelector("[data-remove]").addEventListener("click", () => this.remove(item));
    const picture = row.querySelector("img");
    const url = URL.createObjectURL(item.file);
    picture.addEventListener("load", () => {
      picture.hidden = false;
      URL.revokeObjectURL(url);
    });
    picture.addEventListener("error", () => URL.revokeObjectURL(url)); // HEIC, TIFF: the browser cannot show them
    picture.src = url;
    this.list.append(row);
    return row;
  }

  work() {
    const sending = this.items().filter((item) => item.state === SENDING).length;
    const waiting = this.items().filter((item) => item.state === WAITING);
    for (const item of waiting.slice(0, PARALLEL - sending)) this.send(item);
    if (sending === 0 && waiting.length === 0) this.finish();
  }

  send(item) {
    const body = new FormData();
    body.append("csrfmiddlewaretoken", this.form.elements.csrfmiddlewaretoken.value);
    if (this.form.elements.consent_training.checked) body.append("consent_training", "on");
    body.append("image", item.file, item.file.name || "pasted");
    const request = new XMLHttpRequest(); // fetch cannot tell how much was sent
    item.request = request;
    item.state = SENDING;
    item.percent = 0;
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) item.percent = Math.floor((100 * event.loaded) / event.total);
      this.show(item);
    });
    request.addEventListener("load", () => this.answered(item, request));
    request.addEventListener("error", () =>
      this.fail(item, "The connection was lost. Check it, then try again.", true),
    );
    request.open("POST", this.form.action);
    request.responseType = "json";
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", this.form.elements.csrfmiddlewaretoken.value);
    request.setRequestHeader("Idempotency-Key", item.key);
    request.send(body);
    this.show(item);
  }

  answered(item, request) {
    const answer = request.response;
    if (request.status < 300 && answer?.url) {
      item.state = STORED;
      item.url = answer.url;
      item.duplicate = answer.duplicate;
      item.message = answer.duplicate
        ? "Already uploaded. Here is the earlier result."
        : "Stored. The result is on its page.";
      this.show(item);
      this.say(item);
      this.work();
      return;
    }
    item.login = request.status === 401;
    const words = answer?.message || unexpected(request.status);
    // A photo that was refused for what it is will be refused again; everything else is worth another try.
    this.fail(item, words, ![401, 400, 413, 415, 422].includes(request.status));
  }

  fail(item, message, retryable) {
    item.state = FAILED;
    item.message = message;
    item.retryable = retryable;
    this.show(item);
    this.say(item);
    this.work();
  }

  retry(item) {
    item.state = WAITING;
    item.message = "";
    this.rows.get(item).querySelector("[data-remove]").focus(); // the button that had the focus goes away
    this.show(item);
    this.work();
  }

  remove(item) {
    item.state = FAILED;
    if (item.request) item.request.abort();
    const row = this.rows.get(item);
    const beside = row.nextElementSibling || row.previousElementSibling;
    const target = beside ? beside.querySelector("a:not([hidden]), button:not([hidden])") : null;
    row.remove();
    this.rows.delete(item);
    this.queue.hidden = this.rows.size === 0;
    (target || this.input).focus();
    this.work();
  }

  finish() {
    const stored = this.items().filter((item) => item.state === STORED);
    if (this.rows.size === 1 && stored.length === 1 && !stored[0].duplicate) {
      window.location.assign(stored[0].url);
    }
    this.end.hidden = stored.length === 0;
  }

  say(item) {
    this.live.textContent = `${item.file.name || "pasted photo"}: ${item.message}`;
  }

  show(item) {
    const row = this.rows.get(item);
    if (!row) return;
    const words = {
      [WAITING]: "Waiting",
      [SENDING]: item.percent < 100 ? `Sending, ${item.percent} %` : "Checking the photo…",
    };
    row.dataset.state = item.state;
    const progress = row.querySelector("[data-progress]");
    progress.hidden = item.state !== SENDING && item.state !== WAITING;
    progress.value = item.percent;
    row.querySelector("[data-status]").textContent = item.message || words[item.state] || "";
    const link = row.querySelector("[data-link]");
    link.hidden = item.state !== STORED && !item.login;
    if (item.login) link.textContent = "Log in";
    link.href = item.login ? this.form.dataset.login : item.url;
    row.querySelector("[data-retry]").hidden = !(item.state === FAILED && item.retryable);
    const remove = row.querySelector("[data-remove]");
    remove.hidden = item.state === STORED;
    remove.textContent = item.state === FAILED ? "Remove" : "Cancel";
  }
}

function unexpected(status) {
  if (status === 403) return "This page was open too long. Reload it, then add the photo again.";
  if (status === 413) return "This file is too large.";
  return "Something broke on our side. Please try again in a minute.";
}

const form = document.querySelector("[data-upload]");
if (form) new UploadPage(form);
