"use strict";
(() => {
  const EVERY = 2000, LATER = 15000; // milliseconds between two looks; after one in vain
  const said = document.getElementById("said");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  let plots = JSON.parse(document.getElementById("document").textContent).plots;

  // -- plots ------------------------------------------------------------------------

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function themed(layout) {
    const made = { ...layout, font: { family: "system-ui, sans-serif", size: 13, color: color("--text") } };
    for (const [name, value] of Object.entries(layout)) {
      if (/^[xy]axis/.test(name)) made[name] = { ...value, gridcolor: color("--line"), linecolor: color("--line") };
    }
    made.hoverlabel = { bgcolor: color("--card"), bordercolor: color("--line"), font: { color: color("--text") } };
    return made;
  }

  function draw() {
    for (const [name, plot] of Object.entries(plots)) {
      const place = document.getElementById("plot-" + name);
      place.hidden = plot === null;
      for (const nothing of place.parentElement.querySelectorAll(".nothing")) nothing.hidden = plot !== null;
      place.parentElement.querySelector("details").hidden = plot === null;
      if (plot === null) continue;
      place.style.height = plot.height + "px";
      place.setAttribute("aria-label", plot.words);
      // plotly keeps what it is given and changes it.
      const figure = structuredClone(plot.figure);
      const layout = { ...themed(figure.layout), height: plot.height };
      Plotly.react(place, figure.data, layout, { displayModeBar: false, responsive: true });
    }
  }

  // -- tables -----------------------------------------------------------------------

  let order = null; // of the table that can be sorted: column, and 1 or -1

  function sort() {
    const table = document.querySelector('[data-part="functions"] table');
    if (order === null || table === null) return;
    const value = (row) => {
      const cell = row.cells[order.column];
      if (order.column === 0) return cell.textContent;
      return cell.dataset.value === "" ? null : Number(cell.dataset.value);
    };
    const rows = Array.from(table.tBodies[0].rows, (row) => [value(row), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null); // unknown comes last
      return order.direction * (a < b ? -1 : a > b ? 1 : 0);
    });
    table.tBodies[0].append(...rows.map(([, row]) => row));
    Array.from(table.tHead.rows[0].cells, (cell, column) => {
      if (column === order.column) cell.setAttribute("aria-sort", order.direction > 0 ? "ascending" : "descending");
      else cell.removeAttribute("aria-sort");
    });
  }

  async function copy(button) {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      said.textContent = "Copied.";
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    } catch { // not allowed here: a person still can
      getSelection().selectAllChildren(code);
      said.textContent = "Selected. Copy it with the keyboard.";
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button === null) return;
    if (button.classList.contains("copy")) copy(button);
    if (button.classList.contains("sort")) {
      const column = button.parentElement.cellIndex;
      const again = order !== null && order.column === column;
      order = { column, direction: again ? -order.direction : column === 0 ? 1 : -1 };
      sort();
    }
  });

  // -- live numbers -----------------------------------------------------------------

  const shown = {};
  let tag = null, timer = null;

  function replace(parts) {
    for (const [name, html] of Object.entries(parts)) {
      if (shown[name] === html) continue;
      shown[name] = html;
      const place = document.querySelector(`[data-part="${name}"]`);
      const near = "button, [tabindex]";
      const focused = Array.from(place.querySelectorAll(near)).indexOf(document.activeElement);
      const scroll = place.querySelector(".scroll");
      const [top, left] = scroll === null ? [0, 0] : [scroll.scrollTop, scroll.scrollLeft];
      const opened = place.querySelector("details")?.open ?? false;
      place.innerHTML = html; // made, and escaped, by the server
      if (opened) place.querySelector("details")?.setAttribute("open", "");
      if (name === "functions") sort();
      const anew = place.querySelector(".scroll");
      if (anew !== null) { anew.scrollTop = top; anew.scrollLeft = left; }
      if (focused >= 0) place.querySelectorAll(near)[focused]?.focus({ preventScroll: true });
    }
  }

  async function look() {
    timer = null;
    let wait = EVERY;
    const written = document.getElementById("written");
    try {
      const headers = tag === null ? {} : { "If-None-Match": tag };
      const answer = await fetch("document.json", { headers });
      if (answer.status === 200) {
        const document_ = await answer.json();
        tag = answer.headers.get("ETag");
        plots = document_.plots;
        replace(document_.parts);
        draw();
      } else if (answer.status !== 304) throw new Error(answer.statusText);
      written.textContent = "Live, as of " + new Date().toLocaleTimeString();
      document.body.dataset.looks = Number(document.body.dataset.looks ?? 0) + 1;
    } catch {
      written.textContent = "No longer live: the dashboard's server does not answer.";
      wait = LATER;
    }
    if (!document.hidden && timer === null) timer = setTimeout(look, wait);
  }

  draw();
  dark.addEventListener("change", draw);
  if (document.body.dataset.mode === "live") {
    document.addEventListener("visibilitychange", () => {
      clearTimeout(timer);
      timer = null;
      if (!document.hidden) look();
    });
    if (!document.hidden) timer = setTimeout(look, EVERY);
  }
  document.body.dataset.ready = "yes";
})();
