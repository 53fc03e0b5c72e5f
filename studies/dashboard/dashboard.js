"use strict";
// Which colours the page has, told whenever the person's system changes them; and figures saved as files.
window.dash_clientside = Object.assign({}, window.dash_clientside, {
  page: {
    scheme() {
      const dark = matchMedia("(prefers-color-scheme: dark)"), now = () => (dark.matches ? "dark" : "light");
      dark.onchange = () => dash_clientside.set_props("scheme", { data: now() });
      return now();
    },
  },
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-saves]");
  if (!button) return;
  const name = button.getAttribute("data-saves"), form = button.getAttribute("data-form");
  const figure = document.querySelector("#" + CSS.escape(name) + " .js-plotly-plot");
  const paper = getComputedStyle(document.documentElement).getPropertyValue("--paper").trim();
  if (!figure) return;
  const { width, height } = figure.getBoundingClientRect();
  const layout = { ...figure.layout, width, height };
  if (layout.paper_bgcolor === "rgba(0,0,0,0)") layout.paper_bgcolor = paper;
  Plotly.downloadImage({ data: figure.data, layout }, { format: form, filename: name, width, height, scale: form === "png" ? 2 : 1 });
});
