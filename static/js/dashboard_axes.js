// The dashboard's axes: how the formats of dashboard/charts/chart.py read, and what is marked along them.

import { percent, shareAxis } from "./charts.js";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const precise = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const hour = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
const DAY = 86_400_000;
const UNITS = [
  [1, "ms", 0.001],
  [120, "s", 1],
  [7200, "min", 60],
  [172_800, "h", 3600],
  [Infinity, "days", 86_400],
];
const MOST_WORDS = 6; // of more marks only the lines are drawn; the table names them
const TITLES = { count: "number", share: "share", seconds: "time taken", number: "value" };

function showSeconds(value) {
  if (value === 0) return "0\u00a0s";
  const [, unit, size] = UNITS.find(([end]) => value < end);
  return `${precise.format(value / size)}\u00a0${unit}`;
}

function showMoment(value) {
  return value % DAY === 0 ? day.format(value) : `${day.format(value)}, ${hour.format(value)}`;
}

const shown = {
  text: String,
  count: (value) => whole.format(value),
  share: (value) => percent(value, 1),
  number: (value) => precise.format(value),
  seconds: showSeconds,
  time: showMoment,
};

// A value as people read it.
export const show = (value, format) => (value === null ? "–" : shown[format](value));

// A column's cells, moments as milliseconds.
export function readColumn(chart, name) {
  const index = chart.columns.findIndex((column) => column.name === name);
  const { format } = chart.columns[index];
  return chart.rows.map((row) => (format === "time" && row[index] ? Date.parse(row[index]) : row[index]));
}

export const findColumn = (chart, name) => chart.columns.find((column) => column.name === name);

// The axis of the first column for points and lines.
export function makeXAxis(chart) {
  const { name, title, format } = chart.columns[0];
  const values = readColumn(chart, name);
  if (format === "text") return { type: "category", labels: values, ticks: { maxRotation: 0 } };
  if (format === "share") return shareAxis(title);
  if (format !== "time") return { type: "linear", title: { display: true, text: title } };
  const moments = [...values, ...chart.marks.map((mark) => Date.parse(mark.at))];
  return {
    type: "linear",
    min: Math.min(...moments),
    max: Math.max(...moments),
    afterBuildTicks(axis) {
      axis.ticks = values.map((value) => ({ value }));
    },
    ticks: { maxRotation: 0, autoSkipPadding: 16, callback: showTick },
    grid: { drawOnChartArea: false },
  };
}

// What all titles begin or end with need not be said of each: "happy, share" among shares is "happy".
export function shortenTitles(titles) {
  const parts = titles.map((title) => title.split(", "));
  if (titles.length < 2 || parts.some((words) => words.length !== 2)) return titles;
  for (const [common, own] of [
    [0, 1],
    [1, 0],
  ]) {
    if (parts.every((words) => words[common] === parts[0][common])) return parts.map((words) => words[own]);
  }
  return titles;
}

// Midnights by their day, other hours by their hour.
export const showTick = (value) => (value % DAY === 0 ? day.format(value) : hour.format(value));

// The least and the greatest value that is drawn in a format, intervals included; of stacked series their sums.
function findExtent(chart, format, stacked) {
  const drawn = chart.series.filter((series) => findColumn(chart, series.column).format === format);
  const names = drawn.flatMap(({ column, low, high }) => [column, low, high].filter(Boolean));
  const columns = names.map((name) => readColumn(chart, name));
  const values = stacked
    ? chart.rows.map((_, row) => columns.reduce((sum, column) => sum + column[row], 0))
    : columns.flat().filter((value) => value !== null);
  return values.length ? { suggestedMin: Math.min(...values), suggestedMax: Math.max(...values) } : {};
}

// The same for two charts that stand side by side, so that they can be compared.
function joinExtents(one, other) {
  if (one.suggestedMin === undefined || other?.suggestedMin === undefined) return one;
  return {
    suggestedMin: Math.min(one.suggestedMin, other.suggestedMin),
    suggestedMax: Math.max(one.suggestedMax, other.suggestedMax),
  };
}

// A value axis for each format among the drawn columns: the first on the left, the others on the right. `beside` is the
// chart of the other version, where there is one.
export function makeValueAxes(chart, { stacked = false, zero = false, beside = null } = {}) {
  const drawn = chart.series.map((series) => findColumn(chart, series.column));
  const formats = [...new Set(drawn.map((column) => column.format))];
  return Object.fromEntries(
    formats.map((format, index) => {
      const columns = drawn.filter((column) => column.format === format);
      const text = columns.length === 1 ? columns[0].title : TITLES[format];
      const axis = {
        type: "linear",
        ...joinExtents(findExtent(chart, format, stacked), beside && findExtent(beside, format, stacked)),
        position: index ? "right" : "left",
        stacked,
        title: { display: formats.length > 1 || columns.length === 1, text },
        grid: { drawOnChartArea: !index },
        beginAtZero: zero || format === "count" || format === "seconds",
        ticks: { callback: (value) => showTickValue(value, format) },
      };
      if (format === "count") axis.ticks.precision = 0;
      if (format === "share" && stacked) axis.max = 1;
      // Around a single value Chart.js leaves a margin; there are no shares above 1.
      else if (format === "share")
        axis.afterDataLimits = (scale) => {
          scale.max = Math.min(scale.max, 1);
        };
      return [format, axis];
    }),
  );
}

function showTickValue(value, format) {
  if (format === "share") return `${precise.format(100 * value)}\u00a0%`;
  return format === "seconds" ? showSeconds(value) : short.format(value);
}

// Vertical lines where something happened; `place` turns a moment into what the x axis counts in.
export const marks = {
  id: "marks",
  afterDatasetsDraw(chart, _, { marks: found, colours, place }) {
    const { ctx, chartArea: area } = chart;
    ctx.save();
    ctx.font = Chart.helpers.toFont({ size: 12 }).string;
    ctx.strokeStyle = colours.quiet;
    ctx.textBaseline = "top";
    found.forEach((mark, index) => {
      const x = chart.scales.x.getPixelForValue(place(Date.parse(mark.at)));
      if (!(x >= area.left && x <= area.right)) return;
      ctx.setLineDash([3, 3]);
      ctx.beginPath();
      ctx.moveTo(x, area.top);
      ctx.lineTo(x, area.bottom);
      ctx.stroke();
      if (found.length <= MOST_WORDS) writeBeside(ctx, mark.text, x, area, area.top + 2 + 17 * (index % 3), colours);
    });
    ctx.restore();
  },
};

// On the side where there is room, on a ground of its own.
function writeBeside(ctx, text, x, area, top, colours) {
  const words = text.length > 28 ? `${text.slice(0, 27)}…` : text;
  const { width } = ctx.measureText(words);
  const left = x + 5 + width > area.right ? Math.max(x - 5 - width, area.left) : x + 5;
  ctx.globalAlpha = 0.8;
  ctx.fillStyle = colours.page;
  ctx.fillRect(left - 2, top - 1, width + 4, 16);
  ctx.globalAlpha = 1;
  ctx.fillStyle = colours.text;
  ctx.fillText(words, left, top);
}

// The 95 % intervals of bars and points, where their dataset has any.
export const whiskers = {
  id: "whiskers",
  afterDatasetsDraw(chart) {
    const { ctx } = chart;
    ctx.save();
    ctx.lineWidth = 1.5;
    chart.data.datasets.forEach((dataset, number) => {
      if (!dataset.intervals || !chart.isDatasetVisible(number)) return;
      const lying = chart.options.indexAxis === "y";
      const scale = chart.scales[lying ? dataset.xAxisID : dataset.yAxisID];
      ctx.strokeStyle = dataset.whiskerColor;
      chart.getDatasetMeta(number).data.forEach((element, index) => {
        const ends = dataset.intervals[index];
        if (ends.includes(null)) return;
        const [low, high] = ends.map((end) => scale.getPixelForValue(end));
        drawWhisker(ctx, low, high, lying ? element.y : element.x, lying);
      });
    });
    ctx.restore();
  },
};

function drawWhisker(ctx, low, high, across, lying) {
  const at = (along, off) => (lying ? [along, across + off] : [across + off, along]);
  ctx.beginPath();
  for (const end of [low, high]) {
    ctx.moveTo(...at(end, -4));
    ctx.lineTo(...at(end, 4));
  }
  ctx.moveTo(...at(low, 0));
  ctx.lineTo(...at(high, 0));
  ctx.stroke();
}
