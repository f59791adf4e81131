// Moves the one-line diagram through the run. All decisions were made when the page was written:
// `tracks` says which state each thing is in at each moment. Whoever else follows the time (the
// charts) listens for the event "moment" and asks for zooms with "zoom".
"use strict";
(() => {
  const run = JSON.parse(document.getElementById("moments").textContent);
  const byId = (id) => document.getElementById(id);
  const slider = byId("slider"), play = byId("play");
  const branches = [...document.querySelectorAll("[data-asset]")];
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const last = run.t_s.length - 1;
  let at = 0, timer = 0;

  const state = (track) => track.states[track.at[at]];
  const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };

  function clock(t) {
    const iso = new Date(Math.round(run.start_ms + 1000 * t)).toISOString();
    return iso.slice(11, 23);
  }

  function draw() {
    const bus = state(run.bus), [where, what] = state(run.said), t = run.t_s[at];
    byId("diagram").dataset.mode = bus.mode;
    put(document.querySelector("#diagram .mode"), run.modes[bus.mode]);
    put(document.querySelector("#diagram .volts"), bus.volts);
    put(document.querySelector("#diagram .hertz"), bus.hertz);
    for (const group of branches) {
      const now = state(run.branches[group.dataset.asset]);
      group.dataset.contact = now.contact;
      group.dataset.way = now.way;
      group.style.setProperty("--wide", now.wide);
      group.style.setProperty("--level", Math.max(now.level, 0));
      put(group.querySelector(".words"), now.words);
      put(group.querySelector(".note"), now.note);
      const name = group.querySelector("title").textContent;
      group.setAttribute("aria-label", `${name}: ${now.words}, contact ${now.contact}`);
    }
    put(byId("clock"), clock(t));
    put(byId("since"), `+${t.toFixed(3)} s`);
    put(byId("said"), where ? `${what} · ${where}` : what);
    slider.value = t;
    slider.setAttribute("aria-valuetext", clock(t));
    document.dispatchEvent(new CustomEvent("moment", { detail: t }));
  }

  // The moment that holds at t: the last one that is not after it.
  function find(t) {
    let low = 0, high = last;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (run.t_s[middle] <= t + 1e-4) low = middle; else high = middle - 1;
    }
    return low;
  }

  function show(index) {
    at = Math.min(Math.max(index, 0), last);
    draw();
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    play.setAttribute("aria-label", "Play");
    play.dataset.on = "no";
    remember();
  }

  // One step a moment: where much happened there are many, so that events pass slowly.
  function start() {
    if (at === last) show(0);
    const step_ms = Math.min(Math.max(45000 / (last + 1), 40), 200);
    timer = setInterval(() => { if (at === last) stop(); else show(at + 1); }, step_ms);
    play.setAttribute("aria-label", "Pause");
    play.dataset.on = "yes";
  }

  // The address shares the moment.
  const remember = () => history.replaceState(null, "", `#t=${run.t_s[at]}`);

  function go(t) {
    if (timer) stop();
    show(find(t));
    remember();
  }

  function fromAddress() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const t = parseFloat(asked.get("t")), span = parseFloat(asked.get("span"));
    if (Number.isFinite(t)) show(find(t));
    if (Number.isFinite(t) && span > 0) zoom(t, span);
  }

  const zoom = (t, span) =>
    document.dispatchEvent(new CustomEvent("zoom", { detail: { t, span } }));

  function nextEvent() {
    go(run.events_s.find((t) => t > run.t_s[at] + 1e-3) ?? run.t_s[last]);
  }

  function lastEvent() {
    go(run.events_s.findLast((t) => t < run.t_s[at] - 1e-3) ?? run.t_s[0]);
  }

  const keys = {
    ArrowRight: () => go(run.t_s[Math.min(at + 1, last)]),
    ArrowLeft: () => go(run.t_s[Math.max(at - 1, 0)]),
    PageDown: nextEvent,
    PageUp: lastEvent,
    Home: () => go(run.t_s[0]),
    End: () => go(run.t_s[last]),
    " ": () => (timer ? stop() : start()),
  };

  // Away from the slider only the arrows: the page scrolls by the other keys.
  document.addEventListener("keydown", (pressed) => {
    const { key, target } = pressed;
    const ours = target === slider || (target === document.body && /^Arrow(Left|Right)$/.test(key));
    if (!ours || !keys[key] || pressed.ctrlKey || pressed.altKey || pressed.metaKey) return;
    pressed.preventDefault();
    keys[key]();
  });

  slider.addEventListener("input", () => { if (timer) stop(); show(find(+slider.value)); });
  slider.addEventListener("change", remember);
  play.addEventListener("click", () => (timer ? stop() : start()));
  document.addEventListener("seek", (asked) => go(asked.detail));
  document.addEventListener("click", (pressed) => {
    const button = pressed.target.closest("button[data-t]");
    if (!button) return;
    go(+button.dataset.t);
    if (button.dataset.span) zoom(+button.dataset.t, +button.dataset.span);
    const place = byId("one-line");
    place.scrollIntoView({ behavior: calm.matches ? "auto" : "smooth", block: "start" });
  });
  addEventListener("hashchange", fromAddress);
  draw();
  fromAddress();
})();
