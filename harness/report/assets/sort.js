// Sorts a table by the heading that is pressed; a second press turns the order round. Empty cells stay last.
// Headings without a button get one, so that a page without scripts has none that do nothing.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    let button = head.querySelector("button");
    if (!button) {
      button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
    }
    button.addEventListener("click", () => {
      const first = head.dataset.better === "higher" ? "descending" : "ascending";
      const now = head.getAttribute("aria-sort");
      const order = now === null ? first : now === "ascending" ? "descending" : "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      const text = head.dataset.kind === "text";
      const compare = new Intl.Collator(undefined, { numeric: true }).compare;
      const sign = order === "ascending" ? 1 : -1;
      const keyed = [...table.tBodies[0].rows].map((row) => {
        const cell = row.cells[column];
        return [cell.dataset.sort ?? (text ? cell.textContent.trim() : ""), row];
      });
      keyed.sort(([x], [y]) => {
        if (x === "" || y === "") return (x === "") - (y === "");
        return sign * (text ? compare(x, y) : Number(x) - Number(y));
      });
      table.tBodies[0].append(...keyed.map(([, row]) => row));
    });
  });
}
