// Draws the charts, keeps them on one time axis, and marks the diagram's moment in all of them.
"use strict";
(() => {
  const page = JSON.parse(document.getElementById("charts").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const charts = page.charts.map((_, k) => document.getElementById(`chart${k}`));
  const whole = page.whole;
  let shown = whole, moment = (whole[0] - page.start_ms) / 1000, busy = false;

  // Colours that were chosen for white paper have a partner for the night.
  function draw(night) {
    let text = JSON.stringify(page.charts);
    if (night) for (const [day, other] of Object.entries(page.night)) text = text.replaceAll(day, other);
    JSON.parse(text).forEach((chart, k) => {
      for (const trace of chart.data) trace.x = page.times[trace.x];
      chart.layout.xaxis.range = shown;
      Plotly.react(charts[k], chart.data, chart.layout, page.config);
    });
    mark();
  }

  function zoomTo(range) {
    shown = [Math.max(range[0], whole[0]), Math.min(range[1], whole[1])];
    if (!(shown[1] > shown[0])) shown = whole;
    busy = true;
    const heights = (k) => {
      const asked = page.charts[k].layout.yaxis.range;
      if (shown !== whole) return {};
      return asked ? { "yaxis.range": [...asked] } : { "yaxis.autorange": true };
    };
    const all = charts.map((chart, k) =>
      Plotly.relayout(chart, { "xaxis.range": [...shown], ...heights(k) }));
    Promise.all(all).then(() => { busy = false; mark(); });
  }

  // A line over each plot, which costs no redrawing.
  function mark() {
    const share = (page.start_ms + 1000 * moment - shown[0]) / (shown[1] - shown[0]);
    for (const chart of charts) {
      const plot = chart.querySelector(".nsewdrag");
      let line = chart.querySelector(".cursor");
      if (!plot) continue;
      if (!line) {
        line = document.createElement("div");
        line.className = "cursor";
        chart.append(line);
      }
      const get = (name) => parseFloat(plot.getAttribute(name));
      line.hidden = share < 0 || share > 1;
      line.style.left = `${get("x") + share * get("width")}px`;
      line.style.top = `${get("y")}px`;
      line.style.height = `${get("height")}px`;
    }
  }

  const ms = (edge) => (typeof edge === "number" ? edge : Date.parse(`${edge.replace(" ", "T")}Z`));
  const around = (t, span) =>
    zoomTo([page.start_ms + 1000 * (t - span / 2), page.start_ms + 1000 * (t + span / 2)]);

  draw(dark.matches);
  for (const chart of charts) {
    chart.on("plotly_relayout", (change) => {
      if (busy) return;
      const range = change["xaxis.range"] ?? [change["xaxis.range[0]"], change["xaxis.range[1]"]];
      if (range[0] !== undefined && range[1] !== undefined) zoomTo(range.map(ms));
    });
    chart.on("plotly_doubleclick", () => zoomTo(whole));
    chart.on("plotly_click", (hit) => {
      const t = (ms(hit.points[0].x) - page.start_ms) / 1000;
      document.dispatchEvent(new CustomEvent("seek", { detail: t }));
    });
    chart.on("plotly_afterplot", mark);
  }
  document.addEventListener("moment", (told) => {
    moment = told.detail;
    const at = page.start_ms + 1000 * moment, half = (shown[1] - shown[0]) / 2;
    // A moment outside of what is zoomed into takes the view along.
    if (shown !== whole && (at < shown[0] || at > shown[1])) zoomTo([at - half, at + half]);
    else mark();
  });
  document.addEventListener("zoom", (asked) => around(asked.detail.t, asked.detail.span));
  for (const button of document.querySelectorAll("button[data-show]")) {
    button.addEventListener("click", () => {
      if (button.dataset.show === "whole") zoomTo(whole);
      else around(moment, +button.dataset.show);
    });
  }
  dark.addEventListener("change", () => draw(dark.matches));
  addEventListener("beforeprint", () => draw(false));
  addEventListener("afterprint", () => draw(dark.matches));
})();
