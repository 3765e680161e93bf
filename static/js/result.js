// The result page: asks how the photo is doing until it is finished, ties boxes and answers together, confirms deletion.

const FIRST_WAIT = 400; // milliseconds
const LONGEST_WAIT = 10_000;

class ResultPage {
  constructor(root) {
    this.root = root;
    this.body = root.querySelector("[data-result-body]");
    this.live = root.querySelector("[data-live]");
    this.trouble = root.querySelector("[data-trouble]");
    this.wait = FIRST_WAIT;
    this.timer = null;
    this.tieFaces();
    // Another script made the worker look again and got the page's new state.
    root.addEventListener("result:answer", (event) => {
      this.show(event.detail);
      this.wait = FIRST_WAIT;
      if (this.root.dataset.finished !== "true") this.schedule();
    });
    if (root.dataset.finished !== "true") {
      this.schedule();
      // A hidden page need not ask; one that comes back asks at once.
      document.addEventListener("visibilitychange", () => {
        if (!document.hidden && this.root.dataset.finished !== "true") {
          this.wait = FIRST_WAIT;
          this.schedule();
        }
      });
    }
  }

  schedule() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), this.wait);
    this.wait = Math.min(this.wait * 1.4, LONGEST_WAIT);
  }

  async ask() {
    if (document.hidden) return;
    const address = `${this.root.dataset.stateUrl}?seen=${encodeURIComponent(this.root.dataset.state)}`;
    try {
      const response = await fetch(address, { headers: { Accept: "application/json" } });
      if (response.status === 401 || response.status === 404) {
        this.stop(response.status);
        return;
      }
      if (!response.ok) throw new Error(`status ${response.status}`);
      this.show(await response.json());
    } catch {
      this.complain("The connection was lost. Your photo is safe; this page keeps trying.");
    }
    if (this.root.dataset.finished !== "true") this.schedule();
  }

  show(answer) {
    this.trouble.hidden = true;
    this.root.dataset.state = answer.state;
    this.root.dataset.finished = String(answer.finished);
    if (answer.html === undefined) return;
    this.replace(answer.html);
    this.live.textContent = answer.announcement;
  }

  replace(html) {
    // Rendered by our own template, which escapes what people wrote; scripts in it would not run.
    const fresh = new DOMParser().parseFromString(html, "text/html");
    const photo = this.body.querySelector(".photo > img");
    const again = fresh.querySelector(".photo > img");
    if (photo && again) {
      photo.alt = again.alt;
      again.replaceWith(photo); // the picture that is shown already need not be loaded again
    }
    const focused = document.activeElement?.closest("[data-result-body] article")?.id; // keys still speak of this face
    this.body.replaceChildren(...fresh.body.childNodes);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    this.tieFaces();
    this.root.dispatchEvent(new CustomEvent("result:replaced"));
  }

  stop(status) {
    this.root.dataset.finished = "true";
    this.complain(
      status === 401 ? "You were logged out. Reload this page to log in again." : "This photo was deleted.",
    );
  }

  complain(words) {
    this.trouble.textContent = words;
    this.trouble.hidden = false;
    this.live.textContent = words;
  }

  tieFaces() {
    const parts = [...this.body.querySelectorAll("[data-face]")];
    const light = (number) => {
      for (const part of parts) part.classList.toggle("is-lit", part.dataset.face === number);
    };
    for (const part of parts) {
      part.addEventListener("pointerenter", () => light(part.dataset.face));
      part.addEventListener("pointerleave", () => light(null));
      part.addEventListener("focusin", () => light(part.dataset.face));
      part.addEventListener("focusout", () => light(null));
    }
  }
}

function wireDialogs() {
  for (const link of document.querySelectorAll("[data-confirm]")) {
    const dialog = document.getElementById(link.dataset.confirm);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      dialog.showModal();
    });
    dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close(); // the backdrop
    });
  }
}

// "What did the network look at?": asks, and looks again until the map is there.
async function explain(form) {
  const place = form.closest("[data-explanation]");
  const button = form.querySelector("button");
  button.disabled = true;
  button.textContent = "Being computed…";
  const options = { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } };
  for (let wait = 200; wait < LONGEST_WAIT; wait *= 1.6) {
    const response = await fetch(form.action, options);
    if (!response.ok) break;
    const answer = await response.json();
    if (answer.state === "done" || answer.state === "failed") {
      const fresh = new DOMParser().parseFromString(answer.html, "text/html");
      place.replaceChildren(...fresh.body.childNodes);
      place.querySelector("[tabindex]").focus();
      return;
    }
    await new Promise((resolve) => {
      setTimeout(resolve, wait);
    });
    delete options.body;
    options.method = "GET";
  }
  button.disabled = false;
  button.textContent = "That took too long: try again";
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-explain]")) return;
  event.preventDefault();
  explain(event.target).catch(() => event.target.submit());
});

const root = document.querySelector("[data-result]");
if (root) new ResultPage(root);
wireDialogs();
