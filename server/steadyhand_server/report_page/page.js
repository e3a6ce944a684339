"use strict";
// Without this script the page shows the same, in one order.
const table = document.querySelector("table");
if (table) {
  const groups = Array.from(table.tBodies);
  const filter = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const numbers = new Set(["tier", "lines", "score"]);
  const order = new Intl.Collator("en", { numeric: true });

  const sort = (button) => {
    const head = button.closest("th");
    const by = button.dataset.by;
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    groups.sort((a, b) => {
      const [x, y] = [a.dataset[by], b.dataset[by]];
      return (numbers.has(by) ? x - y : order.compare(x, y)) * (down ? -1 : 1);
    });
    table.append(...groups);
  };

  // A folder from the picture means what is counted there; a word is looked for anywhere.
  let folder = null;
  const apply = () => {
    const words = filter.value.toLowerCase();
    let count = 0;
    for (const group of groups) {
      const fits = folder === null
        ? group.textContent.toLowerCase().includes(words)
        : group.dataset.cell === folder || group.dataset.other === folder;
      group.hidden = !fits;
      count += fits ? 1 : 0;
    }
    shown.textContent = count === groups.length ? "" : count + " of " + groups.length;
  };

  for (const button of table.tHead.querySelectorAll("button")) {
    button.addEventListener("click", () => sort(button));
  }
  filter.addEventListener("input", () => { folder = null; apply(); });
  const links = Array.from(document.querySelectorAll(".link"));
  const light = (name) => {
    for (const link of links) {
      const joined = link.dataset.ends.split("\n").includes(name);
      link.classList.toggle("on", name !== null && joined);
      link.classList.toggle("off", name !== null && !joined);
    }
  };

  for (const cell of document.querySelectorAll("[data-folder]")) {
    cell.addEventListener("mouseenter", () => light(cell.dataset.folder));
    cell.addEventListener("mouseleave", () => light(null));
    cell.addEventListener("click", () => {
      folder = cell.dataset.folder;
      filter.value = folder;
      apply();
    });
  }
}
