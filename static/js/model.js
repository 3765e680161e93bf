// The network's page: its plots. Their numbers are the card's, from the page itself; what they look like is here.

import { breakName, drawPlots, percent, shareAxis } from "./charts.js";

// The value at the end of each bar, and the interval of a bar that has one.
const barEnds = {
  id: "barEnds",
  afterDatasetsDraw(chart, _, { bars, colours }) {
    const { ctx } = chart;
    ctx.save();
    ctx.font = Chart.helpers.toFont({ weight: 600 }).string;
    ctx.textBaseline = "middle";
    chart.getDatasetMeta(0).data.forEach((element, index) => {
      const bar = bars[index];
      const ends = (bar.interval ?? []).map((end) => chart.scales.x.getPixelForValue(end));
      if (ends.length === 2) drawWhisker(ctx, ends, element.y, colours.text);
      ctx.fillStyle = colours.text;
      ctx.fillText(percent(bar.accuracy, 1), Math.max(element.x, ...ends) + 8, element.y);
    });
    ctx.restore();
  },
};

function drawWhisker(ctx, [low, high], y, colour) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = 2;
  ctx.beginPath();
  for (const x of [low, high]) {
    ctx.moveTo(x, y - 5);
    ctx.lineTo(x, y + 5);
  }
  ctx.moveTo(low, y);
  ctx.lineTo(high, y);
  ctx.stroke();
}

function drawLine(points, colours, { x, y, describe }) {
  return {
    type: "line",
    data: {
      datasets: [
        {
          data: points,
          borderColor: colours.strong,
          backgroundColor: colours.strong,
          borderWidth: 2,
          pointRadius: 4,
          pointHoverRadius: 6,
        },
      ],
    },
    options: {
      interaction: { mode: "nearest", axis: "x", intersect: false },
      plugins: { tooltip: { callbacks: { title: () => "", label: ({ raw }) => describe(raw) } } },
      scales: { x, y },
    },
  };
}

const makers = {
  compared(bars, colours) {
    return {
      type: "bar",
      data: {
        labels: bars.map((bar) => breakName(bar.who)),
        datasets: [
          {
            data: bars.map((bar) => bar.accuracy),
            backgroundColor: bars.map((bar) => (bar.own ? colours.strong : colours.rest)),
            barPercentage: 0.7,
            categoryPercentage: 0.9,
          },
        ],
      },
      options: {
        indexAxis: "y",
        layout: { padding: { right: 8 } },
        plugins: {
          barEnds: { bars, colours },
          tooltip: {
            callbacks: { label: ({ dataIndex }) => [percent(bars[dataIndex].accuracy, 1), bars[dataIndex].note ?? ""] },
          },
        },
        scales: {
          x: shareAxis("named as the data set does", { min: 0, max: 1 }),
          y: {
            grid: { display: false },
            ticks: { autoSkip: false, font: ({ index }) => ({ weight: bars[index]?.own ? 700 : 400 }) },
          },
        },
      },
      plugins: [barEnds],
    };
  },

  reliability(bins, colours) {
    const describe = (bin) => [
      `says ${percent(bin.confidence, 1)}, is right ${percent(bin.accuracy, 1)}`,
      `${bin.n.toLocaleString("en")} faces`,
    ];
    return {
      data: {
        datasets: [
          {
            type: "line",
            label: "this network",
            yAxisID: "y",
            data: bins.map((bin) => ({ x: bin.confidence, y: bin.accuracy })),
            borderColor: colours.strong,
            backgroundColor: colours.strong,
            borderWidth: 2,
            pointRadius: 4,
            pointHoverRadius: 6,
          },
          {
            type: "line",
            label: "as often as it says",
            yAxisID: "y",
            data: [
              { x: 0, y: 0 },
              { x: 1, y: 1 },
            ],
            borderColor: colours.quiet,
            borderDash: [6, 5],
            borderWidth: 1.5,
            pointRadius: 0,
            pointHitRadius: 0,
          },
          {
            type: "bar",
            label: "faces",
            yAxisID: "count",
            grouped: false,
            data: bins.map((bin) => ({ x: (bin.low + bin.high) / 2, y: bin.n })),
            backgroundColor: colours.rest,
            barPercentage: 0.9,
            categoryPercentage: 1,
          },
        ],
      },
      options: {
        interaction: { mode: "nearest", intersect: true },
        plugins: {
          tooltip: {
            filter: ({ datasetIndex }) => datasetIndex !== 1,
            callbacks: { title: () => "", label: ({ dataIndex }) => describe(bins[dataIndex]) },
          },
        },
        scales: {
          x: shareAxis("stated confidence", {
            min: 0,
            max: 1,
            offset: false,
            ticks: { stepSize: 0.2, callback: (value) => percent(value) },
          }),
          count: {
            stack: "up",
            stackWeight: 1,
            beginAtZero: true,
            offset: false,
            title: { display: true, text: "faces" },
            ticks: { maxTicksLimit: 4 },
            grid: { drawOnChartArea: false },
            border: { display: true },
          },
          y: shareAxis("right", { stack: "up", stackWeight: 3, min: 0, max: 1 }),
        },
      },
    };
  },

  answered(points, colours) {
    return drawLine(
      points.map(([x, y]) => ({ x, y })),
      colours,
      {
        x: shareAxis("faces answered, the surest first", { reverse: true, max: 1 }),
        y: shareAxis("right", { max: 1, suggestedMin: 0.5 }),
        describe: ({ x, y }) => `answers ${percent(x)}: ${percent(y, 1)} right`,
      },
    );
  },

  classes(classes, colours) {
    // Shapes, not colours alone, tell the three apart.
    const kinds = [
      ["precision", "Precision", "triangle"],
      ["recall", "Recall", "rect"],
      ["f1", "F1", "circle"],
    ];
    return {
      type: "line",
      data: {
        labels: classes.map((row) => row.label),
        datasets: kinds.map(([name, label, pointStyle], index) => ({
          label,
          pointStyle,
          data: classes.map((row) => row[name]),
          showLine: false,
          pointRadius: 7,
          pointHoverRadius: 9,
          pointBorderWidth: 2,
          pointBorderColor: colours.series[index],
          pointBackgroundColor: name === "f1" ? colours.series[index] : colours.page,
          borderColor: colours.series[index],
          backgroundColor: name === "f1" ? colours.series[index] : colours.page,
        })),
      },
      options: {
        indexAxis: "y",
        interaction: { mode: "index", axis: "y", intersect: false },
        plugins: {
          legend: { display: true, position: "top", align: "start" },
          tooltip: { callbacks: { label: ({ dataset, raw }) => `${dataset.label} ${percent(raw, 1)}` } },
        },
        scales: { x: shareAxis("", { min: 0, max: 1 }), y: { offset: true, ticks: { autoSkip: false } } },
      },
    };
  },

  crops(scales, colours) {
    return drawLine(
      scales.map((row) => ({ x: row.scale, y: row.accuracy })),
      colours,
      {
        x: { type: "linear", title: { display: true, text: "side of the square × FER-2013’s" } },
        y: shareAxis("right", {}),
        describe: ({ x, y }) => `× ${x.toFixed(2)}: ${percent(y, 1)} right`,
      },
    );
  },
};

const source = document.getElementById("model-numbers");
if (source) drawPlots(makers, JSON.parse(source.textContent));
