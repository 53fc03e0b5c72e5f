"use strict";
// Strings of the study reach the page as textContent only; those in figures were escaped where the figure was made.
const data = JSON.parse(document.getElementById("data").textContent);
const CONFIG = { responsive: true, displayModeBar: innerWidth < 700 ? false : "hover", displaylogo: false, showSendToCloud: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] };
const $ = (id) => document.getElementById(id);
const drawn = new Set();

// What the page's light or dark colours change in a figure, as updates that relayout takes.
function looks(layout) {
  const style = getComputedStyle(document.documentElement);
  const [ink, grid, raised] = ["--ink", "--grid", "--raised"].map((name) => style.getPropertyValue(name).trim());
  const changed = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", "font.color": ink, "font.size": 13,
    "font.family": "system-ui, Helvetica, Arial, sans-serif",
    "hoverlabel.bgcolor": raised, "hoverlabel.bordercolor": grid, "hoverlabel.font.color": ink, "hoverlabel.align": "left",
    "legend.bgcolor": "rgba(0,0,0,0)", "modebar.bgcolor": "rgba(0,0,0,0)", "modebar.color": ink,
  };
  for (const axis of ["xaxis", "yaxis"]) {
    if (!layout[axis]) continue;
    Object.assign(changed, { [axis + ".gridcolor"]: grid, [axis + ".linecolor"]: grid, [axis + ".zerolinecolor"]: grid,
      [axis + ".title.font.size"]: 13 });
  }
  return changed;
}

function draw(name) {
  const place = $("figure-" + name), figure = data.figures[name];
  if (!place || !figure || drawn.has(name)) return;
  drawn.add(name);
  const layout = figure.layout;
  if (innerWidth < 700) Object.assign(layout.margin, { l: Math.min(layout.margin.l, 52), r: Math.min(layout.margin.r, 8) });
  if (innerWidth < 700 && layout.legend && layout.legend.orientation === "v") layout.showlegend = false;
  return Plotly.newPlot(place, figure.data, layout, CONFIG).then(() => Plotly.relayout(place, looks(layout)));
}

function drawAll() {
  for (const place of document.querySelectorAll(".figure")) {
    const closed = place.closest("details:not([open])");
    if (!closed) draw(place.id.slice("figure-".length));
  }
}

// An image that several networks are shown on is in the page once.
for (const image of document.querySelectorAll("img[data-image]")) {
  image.src = "data:image/png;base64," + data.images[image.dataset.image];
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const name of drawn) Plotly.relayout($("figure-" + name), looks(data.figures[name].layout));
});

// A link or a click on a point opens its trial; the address says which, and what the front shows.
function open(number) {
  const trial = $("trial-" + number);
  if (!trial) return false;
  trial.open = true;
  drawAll();
  trial.scrollIntoView();
  return true;
}

const GROUPS = ["dominated", "stopped", "published", "front"];
const HINT = $("picked") && $("picked").textContent;
const FIRST = 1, LIMIT = 5, PICKED = 6, RETRAINED = 7; // places of the traces: the staircase is 0

function pairNow() { return [$("x").value, $("y").value]; }

function showPair() {
  const front = data.front, [x, y] = pairNow();
  const places = [front.steps[x + "|" + y] || [], ...GROUPS.map((group) => front.groups[group])];
  const at = (metric) => places.map((members) => members.map((i) => front.values[metric][i]));
  Plotly.restyle("figure-front", { x: at(x), y: at(y) }, places.map((_, i) => i));
  Plotly.restyle("figure-front", { "line.shape": x === "dice" ? "vh" : "hv" }, [0]);
  Plotly.restyle("figure-front", { visible: $("stopped").checked ? true : "legendonly" }, [FIRST + GROUPS.indexOf("stopped")]);
  showRetrained(x, y);
  Plotly.relayout("figure-front", {
    "xaxis.title.text": front.titles[x], "yaxis.title.text": front.titles[y],
    "xaxis.type": $("log-x").checked ? "log" : "linear", "yaxis.type": $("log-y").checked ? "log" : "linear",
    "xaxis.autorange": true, "yaxis.autorange": true,
  });
  showLimit();
}

// Retrained networks have a mean and error bars of Dice alone (studies/report/tradeoff.py, retrained_places).
function showRetrained(x, y) {
  const { places, means } = data.front.retrained;
  if (!places.length) return;
  const at = (metric) => (x !== "dice" && y !== "dice" ? [] : metric === "dice" ? means : places.map((i) => data.front.values[metric][i]));
  const changed = { x: [at(x)], y: [at(y)], "error_x.visible": x === "dice", "error_y.visible": y === "dice" };
  Plotly.restyle("figure-front", changed, [RETRAINED]);
}

// The best Dice at or below the limit, of equal ones the cheapest (studies/report/tradeoff.py, best_below).
function bestBelow(metric, limit) {
  const { values, groups } = data.front;
  let best = null;
  for (const i of [...groups.dominated, ...groups.front]) {
    const value = values[metric][i], dice = values.dice[i];
    if (value === null || dice === null || value > limit) continue;
    if (best === null || dice > values.dice[best] || (dice === values.dice[best] && value < values[metric][best])) best = i;
  }
  return best;
}

function showLimit() {
  const front = data.front, [x, y] = pairNow(), metric = $("budget").value, limit = parseFloat($("limit").value);
  const said = $("picked"), all = [...front.groups.dominated, ...front.groups.front];
  const span = (name) => { const seen = all.map((i) => front.values[name][i]).filter((v) => v !== null); return [Math.min(...seen), Math.max(...seen)]; };
  const line = { x: [[]], y: [[]] };
  if (!(limit > 0)) {
    said.textContent = HINT;
    Plotly.restyle("figure-front", { x: [[], []], y: [[], []] }, [LIMIT, PICKED]);
    return;
  }
  if (metric === x) { line.x = [[limit, limit]]; line.y = [span(y)]; }
  if (metric === y) { line.x = [span(x)]; line.y = [[limit, limit]]; }
  const best = bestBelow(metric, limit);
  Plotly.restyle("figure-front", line, [LIMIT]);
  const point = (name) => (best === null ? [] : [front.values[name][best]]);
  Plotly.restyle("figure-front", { x: [point(x)], y: [point(y)] }, [PICKED]);
  said.replaceChildren();
  if (best === null) { said.textContent = `No network that was trained through has ${front.titles[metric]} ≤ ${limit}.`; return; }
  const number = front.numbers[best], name = said.appendChild(document.createElement("strong"));
  name.textContent = `Trial ${number}`;
  said.append(`: Dice ${front.values.dice[best].toFixed(4)} at ${front.titles[metric]} ${front.values[metric][best].toPrecision(4)}, the best at or below ${limit}. `);
  if ($("trial-" + number)) {
    const link = said.appendChild(document.createElement("a"));
    link.href = "#trial-" + number;
    link.textContent = "Open it";
  }
}

function remember() {
  const state = new URLSearchParams();
  for (const id of ["x", "y", "budget", "limit"]) if ($(id).value) state.set(id, $(id).value);
  for (const id of ["log-x", "log-y", "stopped"]) state.set(id, $(id).checked ? "1" : "0");
  history.replaceState(null, "", "#" + state);
}

function recall() {
  const state = new URLSearchParams(location.hash.slice(1));
  for (const id of ["x", "y", "budget", "limit"]) {
    const control = $(id), value = state.get(id);
    if (value !== null && (id === "limit" || [...control.options].some((option) => option.value === value))) control.value = value;
  }
  $("log-x").checked = $("x").value !== "dice";
  $("log-y").checked = $("y").value !== "dice";
  for (const id of ["log-x", "log-y", "stopped"]) if (state.has(id)) $(id).checked = state.get(id) === "1";
}

function startFront() {
  const controls = $("controls");
  if (!controls) return;
  recall();
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.addEventListener("input", (event) => {
    if (["x", "y"].includes(event.target.id)) $("log-" + event.target.id).checked = event.target.value !== "dice";
    showPair();
    remember();
  });
  draw("front").then(() => {
    showPair();
    $("figure-front").on("plotly_click", (event) => open(event.points[0].customdata));
  });
}

// Decisions of the chosen trials, a row each; rows that differ are marked.
function showCompared() {
  const place = $("compared");
  if (!place) return;
  const chosen = [...document.querySelectorAll(".compared")].map((s) => data.compared[s.value]).filter(Boolean);
  const only = $("only-different").checked, body = document.createElement("tbody"), table = document.createElement("table");
  const row = (parent, kind, texts) => {
    const line = parent.appendChild(document.createElement("tr"));
    for (const text of texts) line.appendChild(document.createElement(kind)).textContent = text;
    return line;
  };
  row(table.appendChild(document.createElement("thead")), "th", ["", ...chosen.map((trial) => trial.name)]);
  for (const part of ["costs", "decisions"]) {
    const known = chosen.map((trial) => new Map(trial[part]));
    for (const name of new Set(known.flatMap((values) => [...values.keys()]))) {
      const texts = known.map((values) => values.get(name) ?? "–"), differs = new Set(texts).size > 1;
      if (part === "decisions" && only && !differs) continue;
      const line = row(body, "td", [name, ...texts]);
      if (differs && part === "decisions") line.className = "differs";
    }
  }
  table.appendChild(body);
  place.replaceChildren(table);
}

document.addEventListener("toggle", drawAll, true);
for (const control of document.querySelectorAll(".compared, #only-different")) control.addEventListener("input", showCompared);
const opened = () => { const found = location.hash.match(/^#trial-([0-9]+)$/); if (found) open(found[1]); };
addEventListener("hashchange", opened);
startFront();
showCompared();
drawAll();
opened();
