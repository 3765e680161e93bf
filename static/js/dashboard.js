// The dashboard's pages: each chart is drawn as its `plot` says, from the numbers in the page itself.

import { breakName, drawPlots, shareAxis } from "./charts.js";
import {
  findColumn,
  makeValueAxes,
  makeXAxis,
  marks,
  readColumn,
  shortenTitles,
  show,
  showTick,
  whiskers,
} from "./dashboard_axes.js";

// Shapes as well as colours tell series apart.
const SHAPES = ["circle", "triangle", "rect", "rectRot", "star", "crossRot", "rectRounded"];
const FEW_POINTS = 62;
const FEW_BARS = 45;
const BESIDE = "-beside"; // what the key of the second of two charts ends with (dashboard/web/panels.py)

const pick = (colours, index, of) => (of === 1 ? colours.strong : colours.series[index % colours.series.length]);
const nameSeries = (chart) => shortenTitles(chart.series.map((series) => findColumn(chart, series.column).title));
const fade = (colour) => Chart.helpers.color(colour).alpha(0.2).rgbString();

function readIntervals(chart, series) {
  if (!series.low || !series.high) return null;
  const [low, high] = [readColumn(chart, series.low), readColumn(chart, series.high)];
  return low.map((value, index) => [value, high[index]]);
}

// "Accuracy: 71.2 % (69.0 % to 73.1 %)"
function describePoint({ dataset, dataIndex, parsed }, axis = "y") {
  const value = `${dataset.label}: ${show(parsed[axis], dataset.format)}`;
  const ends = dataset.ends?.[dataIndex];
  return ends && !ends.includes(null)
    ? `${value} (${ends.map((end) => show(end, dataset.format)).join(" to ")})`
    : value;
}

const describeWith = (title, axis) => ({
  callbacks: { title: ([item]) => item && title(item), label: (item) => describePoint(item, axis) },
});

// A series goes with its interval.
function toggleSeries(_, { datasetIndex }, { chart }) {
  const shown = !chart.isDatasetVisible(datasetIndex);
  const { datasets } = chart.data;
  for (let index = datasetIndex; index === datasetIndex || datasets[index]?.isEnd; index += 1) {
    chart.setDatasetVisibility(index, shown);
  }
  chart.update();
}

function makeOptions(chart, colours, options) {
  const many = chart.series.length > 1;
  const { plugins = {}, ...rest } = options;
  const { tooltip = {}, ...others } = plugins;
  return {
    interaction: { mode: "index", intersect: false },
    plugins: {
      marks: { marks: chart.marks, colours, place: (moment) => moment },
      legend: {
        display: many,
        position: "top",
        align: "start",
        labels: { filter: ({ text }) => text, boxHeight: 7 },
        onClick: toggleSeries,
      },
      tooltip: {
        displayColors: many,
        usePointStyle: true,
        filter: ({ dataset }) => dataset.label,
        ...tooltip,
      },
      ...others,
    },
    ...rest,
  };
}

// Three datasets for a series with an interval: its ends, between which is filled, and the line itself.
function makeLine(chart, series, label, colour, shape, xs) {
  const { format } = findColumn(chart, series.column);
  const along = (values) => values.map((y, index) => ({ x: xs[index], y }));
  const intervals = readIntervals(chart, series);
  const line = {
    label,
    format,
    ends: intervals,
    yAxisID: format,
    data: along(readColumn(chart, series.column)),
    clip: 8,
    borderColor: colour,
    backgroundColor: colour,
    borderWidth: series.dashed ? 1.5 : 2,
    borderDash: series.dashed ? [6, 4] : [],
    pointStyle: series.dashed ? "line" : shape,
    pointRadius: chart.rows.length > FEW_POINTS || series.dashed ? 0 : 3,
    pointHoverRadius: 6,
  };
  if (!intervals) return [line];
  const end = {
    isEnd: true,
    yAxisID: format,
    borderWidth: 0,
    pointRadius: 0,
    pointHitRadius: 0,
    pointHoverRadius: 0,
    borderColor: colour,
  };
  return [
    line,
    { ...end, data: along(intervals.map(([low]) => low)) },
    { ...end, data: along(intervals.map(([, high]) => high)), fill: "-1", backgroundColor: fade(colour) },
  ];
}

// A limit (dashed) has the colour of the line before it where each line has one.
function numberColours(series) {
  const solid = series.filter((one) => !one.dashed).length;
  const paired =
    solid > 1 && series.length === 2 * solid && series.every((one, index) => one.dashed === (index % 2 === 1));
  return series.map((_, index) => (paired ? Math.floor(index / 2) : index));
}

const makers = {
  lines(chart, colours, beside) {
    const xs = readColumn(chart, chart.columns[0].name);
    const numbers = numberColours(chart.series);
    const names = nameSeries(chart);
    const { format } = chart.columns[0];
    return {
      type: "line",
      data: {
        datasets: chart.series.flatMap((series, index) =>
          makeLine(
            chart,
            series,
            names[index],
            pick(colours, numbers[index], chart.series.length),
            SHAPES[numbers[index] % SHAPES.length],
            xs,
          ),
        ),
      },
      options: makeOptions(chart, colours, {
        scales: { x: makeXAxis(chart), ...makeValueAxes(chart, { beside }) },
        layout: { padding: { right: 8 } },
        plugins: { tooltip: describeWith((item) => show(xs[item.dataIndex], format)) },
      }),
      plugins: [marks],
    };
  },

  stacked(chart, colours, beside) {
    return makeBars(chart, colours, { stacked: true, beside });
  },

  bars(chart, colours, beside) {
    return makeBars(chart, colours, { stacked: false, beside });
  },

  reliability(chart, colours) {
    const xs = readColumn(chart, findStated(chart));
    const datasets = chart.series.map((series, index) => {
      const { title, format } = findColumn(chart, series.column);
      const colour = pick(colours, index, chart.series.length);
      const intervals = readIntervals(chart, series);
      return {
        label: title,
        format,
        intervals,
        ends: intervals,
        whiskerColor: colour,
        yAxisID: "y",
        data: readColumn(chart, series.column).map((y, row) => ({ x: xs[row], y })),
        borderColor: colour,
        backgroundColor: colour,
        borderWidth: 2,
        borderDash: series.dashed ? [6, 4] : [],
        pointStyle: SHAPES[index % SHAPES.length],
        pointRadius: 4,
        pointHoverRadius: 6,
      };
    });
    const diagonal = {
      data: [
        { x: 0, y: 0 },
        { x: 1, y: 1 },
      ],
      yAxisID: "y",
      borderColor: colours.quiet,
      borderDash: [6, 5],
      borderWidth: 1.5,
      pointRadius: 0,
      pointHitRadius: 0,
    };
    return {
      type: "line",
      data: { datasets: [...datasets, diagonal] },
      options: makeOptions(chart, colours, {
        interaction: { mode: "nearest", intersect: false },
        plugins: { tooltip: describeWith((item) => `stated ${show(item.parsed.x, "share")}`) },
        scales: { x: shareAxis("stated confidence", { min: 0, max: 1 }), y: shareAxis("right", { min: 0, max: 1 }) },
      }),
      plugins: [whiskers],
    };
  },
};

// What a reliability diagram's points say of themselves: "confidence" if there is such a column, else the first.
function findStated(chart) {
  const found = chart.columns.find(({ name, format }) => name.includes("confidence") && format === "share");
  return (found ?? chart.columns[0]).name;
}

const readNames = (chart) => chart.rows.map(([name]) => breakName(show(name, "text")));
const isLying = (chart) => chart.plot === "bars" && chart.columns[0].format === "text";

// Bars that lie need the height of their names.
function fitHeight(figure, chart) {
  if (!isLying(chart)) return;
  const rows = readNames(chart).map((lines) => Math.max(1.3 * lines.length, 0.9 * chart.series.length, 1.6));
  figure.querySelector("[data-plot-box]").style.height =
    `${5.5 + rows.reduce((sum, height) => sum + height + 0.4, 0)}rem`;
}

// Bars stand over moments and numbers and lie beside names; a scale of names that has an order stands too.
function makeBars(chart, colours, { stacked, beside }) {
  const [first] = chart.columns;
  const xs = readColumn(chart, first.name);
  const lying = isLying(chart);
  const labels = lying ? readNames(chart) : xs.map((value) => show(value, first.format));
  const axes = makeValueAxes(chart, { stacked, zero: true, beside });
  const titles = nameSeries(chart);
  const outlined = stacked && xs.length <= FEW_BARS;
  const names = { type: "category", stacked, grid: { display: false }, ticks: { maxRotation: 0, autoSkip: !lying } };
  if (first.format === "time") names.ticks.callback = (index) => showTick(xs[index]);
  if (lying) for (const [index, axis] of Object.values(axes).entries()) axis.position = index ? "top" : "bottom";
  const [nameAxis, valueAxis] = lying ? ["y", "x"] : ["x", "y"];
  const datasets = chart.series.map((series, index) => {
    const { format } = findColumn(chart, series.column);
    const colour = pick(colours, index, chart.series.length);
    const intervals = readIntervals(chart, series);
    return {
      label: titles[index],
      format,
      ends: intervals,
      intervals,
      whiskerColor: colours.text,
      data: readColumn(chart, series.column),
      [`${valueAxis}AxisID`]: format,
      [`${nameAxis}AxisID`]: nameAxis,
      backgroundColor: series.dashed ? fade(colour) : colour,
      borderColor: outlined ? colours.page : colour,
      borderWidth: stacked ? Number(outlined) : Number(series.dashed),
      pointStyle: "rect",
      categoryPercentage: stacked ? 1 : 0.8,
      barPercentage: stacked ? 0.92 : 0.9,
      maxBarThickness: 64,
    };
  });
  return {
    type: "bar",
    data: { labels, datasets },
    options: makeOptions(chart, colours, {
      indexAxis: nameAxis,
      scales: { [nameAxis]: names, ...axes },
      interaction: { mode: "index", axis: nameAxis, intersect: false },
      plugins: {
        marks: { marks: chart.marks, colours, place: (moment) => (moment - xs[0]) / (xs[1] - xs[0]) - 0.5 },
        tooltip: describeWith((item) => show(xs[item.dataIndex], first.format), valueAxis),
      },
    }),
    plugins: [whiskers, ...(first.format === "time" && xs.length > 1 ? [marks] : [])],
  };
}

const source = document.getElementById("chart-numbers");
if (source) {
  const charts = JSON.parse(source.textContent);
  const findBeside = (key) => charts[key.endsWith(BESIDE) ? key.slice(0, -BESIDE.length) : key + BESIDE];
  const drawn = Object.entries(charts).map(([key, chart]) => [
    key,
    (_, colours) => makers[chart.plot](chart, colours, findBeside(key)),
  ]);
  for (const figure of document.querySelectorAll("[data-plot]")) fitHeight(figure, charts[figure.dataset.plot]);
  drawPlots(Object.fromEntries(drawn), charts);
}
