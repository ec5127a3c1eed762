// Filters the table of groups, and says whose each dot is. Without this script the table is plain and nothing is lost.
const table = document.querySelector("table.groups");
const rows = table ? [...table.tBodies[0].rows] : [];       // in the order in which strips list their values
const filter = document.querySelector(".filter");

if (filter) {
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const said = filter.querySelector("output");
  const fields = [...filter.querySelectorAll("input, select")];
  const listed = (list, wanted) => !wanted || (wanted === "*" ? list !== "" : list.split("|").includes(wanted));
  const apply = () => {
    const chosen = {};
    for (const field of fields) chosen[field.name] = field.type === "checkbox" ? (field.checked ? "on" : "") : field.value;
    const words = chosen.q.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, index) => {
      const fits = words.every((word) => texts[index].includes(word))
        && (!chosen.outcome || row.dataset.outcome === chosen.outcome)
        && listed(row.dataset.flags.replaceAll(" ", "|"), chosen.flag)
        && listed(row.dataset.faults ?? "", chosen.fault)
        && (!chosen.person || row.querySelector("details") !== null);
      row.hidden = !fits;
      shown += fits;
    });
    said.textContent = shown === rows.length ? `${rows.length} shown` : `${shown} of ${rows.length} shown`;
    const kept = new URLSearchParams(Object.entries(chosen).filter(([, value]) => value));
    if (kept.size || location.hash.includes("=")) history.replaceState(null, "", kept.size ? `#${kept}` : "#groups");
  };
  const fill = (values) => {
    for (const field of fields) {
      if (field.type === "checkbox") field.checked = values.has(field.name);
      else field.value = values.get(field.name) ?? "";
    }
    apply();
  };
  filter.hidden = false;
  filter.addEventListener("input", apply);
  filter.querySelector("button").addEventListener("click", () => fill(new URLSearchParams()));
  // back from a report, the filter is as it was
  fill(new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : ""));
}

const SPACE = "http://www.w3.org/2000/svg";
const strips = [...document.querySelectorAll(".dotted")].map((box) => {
  const values = box.dataset.values.split(",");
  const having = values.flatMap((value, index) => (value === "" ? [] : [index]));
  const places = box.querySelector("path").getAttribute("d").slice(1).split("M")
    .map((dot) => dot.slice(0, -2).split(" ").map(Number));
  const dots = having.map((row, place) => ({ row, value: Number(values[row]), x: places[place][0], y: places[place][1] }));
  const ring = document.createElementNS(SPACE, "circle");
  ring.setAttribute("class", "ring");
  ring.setAttribute("r", "6");
  ring.setAttribute("visibility", "hidden");
  box.firstElementChild.append(ring);
  return { box, dots, sorted: [...dots].sort((a, b) => a.value - b.value), ring, place: -1,
    said: box.closest("figure").querySelector(".whose") };
});

function name(row) { return rows[row].cells[0].textContent; }

function ringed(row) {                                      // the same group in every strip
  for (const strip of strips) {
    const dot = strip.dots.find((one) => one.row === row);
    strip.ring.setAttribute("visibility", dot ? "visible" : "hidden");
    if (!dot) continue;
    strip.ring.setAttribute("cx", `${dot.x / 10}%`);
    strip.ring.setAttribute("cy", dot.y);
  }
}

function tell(strip, dot) {
  strip.place = strip.sorted.indexOf(dot);
  strip.said.textContent = `${name(dot.row)}: ${dot.value} (${strip.place + 1} of ${strip.dots.length})`;
  ringed(dot.row);
}

function forget(strip) {
  strip.said.textContent = "";
  ringed(-1);
}

function open(strip) {
  const dot = strip.sorted[strip.place];
  if (dot) location.href = rows[dot.row].querySelector("a").href;
}

for (const strip of strips) {
  const { box, sorted } = strip;
  box.tabIndex = 0;
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", "Groups from the lowest to the highest; arrow keys go along");
  box.addEventListener("pointermove", (event) => {
    const frame = box.getBoundingClientRect();
    const far = (dot) => Math.hypot(frame.left + dot.x / 1000 * frame.width - event.clientX,
      frame.top + dot.y - event.clientY);
    const nearest = strip.dots.reduce((best, dot) => (far(dot) < far(best) ? dot : best));
    box.classList.toggle("near", far(nearest) < 14);
    if (far(nearest) < 14) tell(strip, nearest);
    else forget(strip);
  });
  box.addEventListener("pointerleave", () => forget(strip));
  box.addEventListener("blur", () => forget(strip));
  box.addEventListener("click", () => { if (box.classList.contains("near")) open(strip); });
  box.addEventListener("keydown", (event) => {
    const last = sorted.length - 1;
    const next = { ArrowRight: strip.place + 1, ArrowUp: strip.place + 1, ArrowLeft: strip.place - 1,
      ArrowDown: strip.place - 1, Home: 0, End: last }[event.key];
    if (event.key === "Enter") open(strip);
    if (next === undefined) return;
    event.preventDefault();
    tell(strip, sorted[Math.min(Math.max(next, 0), last)]);
  });
}
for (const hint of document.querySelectorAll(".scripted")) hint.hidden = false;
