// "A face is missing": a box drawn over the photo by mouse, finger or keyboard, in pixels of the photo, and posted.

import { explain, post } from "./post.js";

const SVG = "http://www.w3.org/2000/svg";
const SMALLEST = 16; // pixels of the photo, as classifier/photos/drawing.py has it
const HANDLE = 22; // how near a corner must be touched, in pixels of the screen
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const root = document.querySelector("[data-result]");
const live = root.querySelector("[data-live]");
const limit = (value, low, high) => Math.min(Math.max(value, low), high);
const findTools = () => root.querySelector("[data-draw]");

function make(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

class BoxDrawer {
  constructor(tools) {
    this.width = Number(tools.dataset.width);
    this.height = Number(tools.dataset.height);
    const side = Math.max(SMALLEST, Math.round(Math.min(this.width, this.height) / 3));
    this.box = {
      x: Math.round((this.width - side) / 2),
      y: Math.round((this.height - side) / 2),
      width: side,
      height: side,
    };
    this.canvas = make("svg", {
      viewBox: `0 0 ${this.width} ${this.height}`,
      class: "draw",
      tabindex: "0",
      role: "application",
      "aria-label":
        "Box around the face. Arrow keys move it, Shift and arrow keys change its size, Enter saves, Escape cancels.",
    });
    this.shade = make("path", { class: "draw-shade", "fill-rule": "evenodd" });
    this.lines = [make("rect", { class: "draw-shadow-line" }), make("rect", { class: "draw-line" })];
    this.canvas.append(this.shade, ...this.lines);
    this.canvas.addEventListener("pointerdown", (event) => this.grab(event));
    this.canvas.addEventListener("keydown", (event) => this.press(event));
    this.attach();
    this.paint();
    this.canvas.focus({ preventScroll: true });
  }

  // Again after the result was rendered anew under it.
  attach() {
    const focused = document.activeElement === this.canvas || !document.activeElement?.closest("main");
    this.tools = findTools();
    root.querySelector(".photo").append(this.canvas);
    this.setTools(true);
    if (focused) this.canvas.focus({ preventScroll: true });
  }

  setTools(drawing) {
    if (!this.tools) return;
    this.tools.querySelector("[data-draw-start]").hidden = drawing;
    for (const part of ["help", "save", "cancel"]) this.tools.querySelector(`[data-draw-${part}]`).hidden = !drawing;
    this.complain("");
  }

  close() {
    this.canvas.remove();
    this.setTools(false);
    drawer = null;
  }

  complain(words) {
    this.tools.querySelector("[data-draw-trouble]").textContent = words;
  }

  paint() {
    const { x, y, width, height } = this.box;
    for (const line of this.lines)
      for (const key of ["x", "y", "width", "height"]) line.setAttribute(key, this.box[key]);
    this.shade.setAttribute("d", `M0 0H${this.width}V${this.height}H0Z M${x} ${y}h${width}v${height}h${-width}Z`);
  }

  locate(event) {
    const place = this.canvas.getBoundingClientRect();
    return {
      x: limit(((event.clientX - place.left) / place.width) * this.width, 0, this.width),
      y: limit(((event.clientY - place.top) / place.height) * this.height, 0, this.height),
      near: (HANDLE / place.width) * this.width,
    };
  }

  // A corner changes the size, the inside moves the box, and anywhere else a new one begins.
  grab(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    const start = this.locate(event);
    const { x, y, width, height } = this.box;
    const right = x + width;
    const bottom = y + height;
    const corner = [
      [x, y, right, bottom],
      [right, y, x, bottom],
      [x, bottom, right, y],
      [right, bottom, x, y],
    ].find(([cx, cy]) => Math.hypot(start.x - cx, start.y - cy) < start.near);
    const inside = start.x > x && start.x < right && start.y > y && start.y < bottom;
    const [fixedX, fixedY] = corner ? corner.slice(2) : [start.x, start.y];
    const follow = (move) => {
      const now = this.locate(move);
      if (!corner && inside) this.place(x + now.x - start.x, y + now.y - start.y);
      else this.span(fixedX, fixedY, now.x, now.y);
    };
    const stop = () => {
      this.canvas.removeEventListener("pointermove", follow);
      this.say();
    };
    this.canvas.addEventListener("pointermove", follow);
    this.canvas.addEventListener("pointerup", stop, { once: true });
    this.canvas.addEventListener("pointercancel", stop, { once: true });
  }

  place(x, y) {
    this.box.x = Math.round(limit(x, 0, this.width - this.box.width));
    this.box.y = Math.round(limit(y, 0, this.height - this.box.height));
    this.paint();
  }

  span(x1, y1, x2, y2) {
    const width = limit(Math.round(Math.abs(x2 - x1)), SMALLEST, this.width);
    const height = limit(Math.round(Math.abs(y2 - y1)), SMALLEST, this.height);
    Object.assign(this.box, { width, height });
    this.place(Math.min(x1, x2), Math.min(y1, y2));
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = STEPS[event.key];
    if (step) {
      const size = Math.max(1, Math.round(Math.min(this.width, this.height) / 50));
      const [dx, dy] = step.map((part) => part * size);
      if (event.shiftKey) {
        this.box.width = limit(this.box.width + dx, SMALLEST, this.width - this.box.x);
        this.box.height = limit(this.box.height + dy, SMALLEST, this.height - this.box.y);
        this.paint();
      } else {
        this.place(this.box.x + dx, this.box.y + dy);
      }
      this.say();
    } else if (event.key === "Enter") {
      this.save();
    } else if (event.key === "Escape") {
      this.cancel();
    } else if (event.key.length > 1) {
      return;
    }
    // No other script may take a key that was meant for the box.
    event.preventDefault();
    event.stopPropagation();
  }

  say() {
    const { x, y, width, height } = this.box;
    live.textContent = `Box ${width} by ${height} pixels, ${x} from the left, ${y} from the top.`;
  }

  cancel() {
    this.close();
    findTools()?.querySelector("[data-draw-start]").focus();
  }

  async save() {
    if (this.saving) return;
    this.saving = true;
    const data = new FormData(this.tools);
    for (const [key, value] of Object.entries(this.box)) data.set(key, value);
    try {
      const answer = await post(this.tools, data);
      this.close();
      root.dispatchEvent(new CustomEvent("result:answer", { detail: answer }));
      [...root.querySelectorAll("article[data-face]")].at(-1)?.focus();
    } catch (error) {
      this.complain(explain(error, "The box was not stored"));
    } finally {
      this.saving = false;
    }
  }
}

let drawer = null;

function showTools() {
  const tools = findTools();
  if (tools) tools.hidden = false;
  if (!drawer) return;
  if (tools) drawer.attach();
  else drawer = null;
}

root.addEventListener("result:replaced", showTools);
root.addEventListener("click", (event) => {
  if (event.target.closest("[data-draw-start]")) drawer = new BoxDrawer(findTools());
  else if (event.target.closest("[data-draw-cancel]")) drawer?.cancel();
});
root.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-draw]")) return;
  event.preventDefault();
  drawer?.save();
});
showTools();
