// What every page with plots shares: Chart.js (a classic script, so `Chart` is global) in the colours of the theme.

const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

export const percent = (fraction, digits = 0) => `${(100 * fraction).toFixed(digits)}\u00a0%`;

// Draws every figure [data-plot] that `makers` knows; a maker turns the figure's numbers and the theme's colours into
// Chart.js settings. Where Chart.js is missing, the tables stay open and that is all.
export function drawPlots(makers, numbers) {
  if (!window.Chart) return;
  const figures = [...document.querySelectorAll("[data-plot]")].filter((figure) => makers[figure.dataset.plot]);
  const drawn = new Map();
  const draw = () => {
    const colours = readColours();
    setDefaults(colours);
    for (const figure of figures) {
      const name = figure.dataset.plot;
      drawn.get(figure)?.destroy();
      drawn.set(figure, new Chart(figure.querySelector("canvas"), makers[name](numbers[name], colours)));
    }
  };
  for (const figure of figures) {
    figure.querySelector("[data-plot-box]").hidden = false; // before drawing: a hidden box has no size
    figure.querySelector("[data-plot-table]").open = false;
  }
  draw();
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
  window.addEventListener("beforeprint", () => {
    for (const chart of drawn.values()) chart.resize();
  });
}

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    text: read("--bs-body-color"),
    quiet: read("--bs-secondary-color"),
    line: read("--bs-border-color"),
    page: read("--bs-body-bg"),
    strong: read("--bar"),
    rest: read("--bar-rest"),
    series: [1, 2, 3, 4, 5, 6, 7].map((number) => read(`--plot-${number}`)),
  };
}

function setDefaults(colours) {
  const { defaults } = Chart;
  defaults.color = colours.text;
  defaults.borderColor = colours.line;
  defaults.font.family = getComputedStyle(document.body).fontFamily;
  defaults.font.size = 13;
  defaults.maintainAspectRatio = false;
  defaults.animation = calm.matches ? false : { duration: 300 };
  defaults.plugins.legend.display = false;
  defaults.plugins.legend.labels.usePointStyle = true;
  defaults.plugins.tooltip.displayColors = false;
  defaults.plugins.tooltip.backgroundColor = colours.text;
  for (const part of ["titleColor", "bodyColor", "footerColor"]) defaults.plugins.tooltip[part] = colours.page;
}

// An axis of fractions, written as per cent.
export function shareAxis(title, settings = {}) {
  return {
    type: "linear",
    title: { display: Boolean(title), text: title },
    ticks: { callback: (value) => percent(value), maxRotation: 0 },
    ...settings,
  };
}

// A long name in lines of at most `width` characters.
export function breakName(name, width = 18) {
  const lines = [""];
  for (const word of name.split(" ")) {
    const line = `${lines.at(-1)} ${word}`.trim();
    if (line.length > width && lines.at(-1)) lines.push(word);
    else lines[lines.length - 1] = line;
  }
  return lines;
}
