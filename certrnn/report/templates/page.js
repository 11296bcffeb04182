"use strict";
// Makes tables sortable by their heads. Without it the page shows the same, in the order of the samples.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const read = (row) => row.cells[place].textContent.replace(/^< /, ""); // below the smallest eps that was tried
      const compare = (a, b) => {
        const [x, y] = [read(a), read(b)];
        if (x === "-" || y === "-") return (x === "-") - (y === "-"); // nothing known comes last both ways
        const [p, q] = [Number(x), Number(y)];
        const order = Number.isNaN(p - q) ? x.localeCompare(y, "en", { numeric: true }) : p - q;
        return down ? -order : order;
      };
      body.append(...[...body.rows].sort(compare));
    });
  });
}
