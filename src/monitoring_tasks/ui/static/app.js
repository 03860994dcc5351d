// What pages gain where scripts run; each of them is whole without.
"use strict";

const airflow = document.currentScript ? document.currentScript.dataset.airflow : "";

// Within Airflow's frame the page takes Airflow's theme; elsewhere that of the browser.
function theme() {
  let chosen = "";
  try {
    if (window.parent !== window) {
      const root = window.parent.document.documentElement;
      chosen = root.classList.contains("dark") ? "dark" : root.classList.contains("light") ? "light" : "";
    }
  } catch { /* another origin */ }
  return chosen || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

function dress() {
  document.documentElement.dataset.theme = theme();
  for (const place of document.querySelectorAll("[data-plot]")) draw(place);
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// A figure is JSON in a data block of the page. Its colours are names of the style sheet's variables, such as "--line";
// what stands under any other name is somebody's text, a column "--x" for instance, and stays as it is.
const COLOURS = new Set(["color", "fgcolor", "bgcolor", "fillcolor"]);

function dyed(value, field) {
  if (typeof value === "string") return COLOURS.has(field) && value.startsWith("--") ? colour(value) : value;
  if (Array.isArray(value)) return value.map((each) => dyed(each, field));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, dyed(each, name)]));
  }
  return value;
}

function draw(place) {
  if (!window.Plotly) return;
  const figure = dyed(JSON.parse(document.getElementById(place.dataset.plot).textContent));
  const text = { color: colour("--text"), family: "inherit", size: 12 };
  const layout = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: text,
    margin: { t: 16, r: 16, b: 40, l: 56 }, hovermode: "x unified", autosize: true, ...figure.layout,
  };
  for (const axis of ["xaxis", "yaxis", "yaxis2"]) {
    layout[axis] = { gridcolor: colour("--rule"), zerolinecolor: colour("--rule"), ...(layout[axis] || {}) };
  }
  window.Plotly.react(place, figure.data, layout, { responsive: true, displaylogo: false, displayModeBar: false });
}

// Airflow's frame may not be left by a plain link: the parent's own document follows it.
function leave(event) {
  const link = event.target.closest("a.airflow");
  if (!link || window.parent === window || event.ctrlKey || event.metaKey || event.shiftKey) return;
  try {
    const own = window.parent.document.createElement("a");
    own.href = link.href;
    window.parent.document.body.appendChild(own);
    event.preventDefault();
    own.click();
    own.remove();
  } catch { /* another origin: the link opens here */ }
}

// What is asked for at once is not asked for twice.
function once(event) {
  for (const button of event.target.querySelectorAll("button[type=submit]")) {
    setTimeout(() => { button.disabled = true; }, 0);
  }
}

// A page that is asked to stay new loads itself again, unless somebody is about to write in it.
function renew() {
  const minutes = Number(document.querySelector("[data-refresh]")?.dataset.refresh || 0);
  if (!minutes) return;
  setInterval(() => {
    if (!document.hidden && !document.activeElement?.matches("input, select, textarea")) location.reload();
  }, minutes * 60000);
}

// A heat map is wider than the page: its newest windows are seen first.
function unroll() {
  for (const map of document.querySelectorAll(".map")) {
    const words = map.clientWidth < 720 ? map.querySelector(".now")?.offsetWidth || 0 : 0;
    map.scrollLeft = map.scrollWidth - map.clientWidth - words;
  }
}

// What is wider than its place is scrolled by the keyboard as well, in browsers that do not see to it themselves.
function reach() {
  for (const place of document.querySelectorAll(".scroll")) {
    if (place.scrollWidth > place.clientWidth) place.tabIndex = 0;
  }
}

document.addEventListener("click", leave);
document.addEventListener("submit", once);
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-submit]")) return;
  // Two dates would outweigh the days that were just chosen.
  if (event.target.name === "days" && event.target.value) {
    for (const date of event.target.form.querySelectorAll("input[type=date]")) date.value = "";
  }
  event.target.form.requestSubmit();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
document.addEventListener("DOMContentLoaded", dress);
document.addEventListener("DOMContentLoaded", renew);
document.addEventListener("DOMContentLoaded", unroll);
document.addEventListener("DOMContentLoaded", reach);
