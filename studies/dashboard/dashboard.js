"use strict";
// Which colours the page has, told whenever the person's system changes them; and figures saved as files.
window.dash_clientside = Object.assign({}, window.dash_clientside, {
  page: {
    scheme() {
      const dark = matchMedia("(prefers-color-scheme: dark)"), now = () => (dark.matches ? "dark" : "light");
      dark.onchange = () => dash_clientside.set_props("scheme", { data: now() });
      return now();
    },
    // A new figure with the zoom, or the camera, of the one that is shown, if both are of the same things.
    keep(made, name) {
      if (!made) return dash_clientside.no_update;
      const shown = document.querySelector("#" + CSS.escape(name) + " .js-plotly-plot")?.layout, layout = made.layout;
      if (!shown || shown.uirevision !== layout.uirevision) return made;
      for (const axis of ["xaxis", "yaxis"]) {
        if (shown[axis]?.autorange !== false) continue;
        layout[axis] = { ...layout[axis], range: [...shown[axis].range], autorange: false };
      }
      if (shown.scene?.camera) layout.scene = { ...layout.scene, camera: shown.scene.camera };
      return made;
    },
    // The ring around the trial that is open moves by itself: the other points stay as they are drawn.
    ring(place) {
      const front = document.querySelector("#front .js-plotly-plot");
      const trace = front?.data?.findIndex((each) => each.name === "open below") ?? -1;
      if (place && trace >= 0) Plotly.restyle(front, { x: [place.x], y: [place.y], showlegend: place.showlegend }, [trace]);
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
