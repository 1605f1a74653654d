(function () {
  "use strict";

  // Tools over a list: a search, selects whose name is the data attribute that they filter by, and one button for all.
  document.querySelectorAll(".tools[data-of]").forEach(function (tools) {
    var items = document.querySelectorAll(tools.dataset.of);
    var search = tools.querySelector("input"), selects = tools.querySelectorAll("select");
    var button = tools.querySelector("button"), shown = tools.querySelector("output");
    function filter() {
      var wanted = search.value.toLowerCase(), left = 0;
      items.forEach(function (item) {
        var fits = item.textContent.toLowerCase().indexOf(wanted) >= 0;
        selects.forEach(function (select) {
          fits = fits && (!select.value || item.dataset[select.name].split("\n").indexOf(select.value) >= 0);
        });
        item.hidden = !fits;
        if (fits) left += 1;
      });
      shown.textContent = left + " of " + items.length + " shown";
    }
    search.addEventListener("input", filter);
    selects.forEach(function (select) { select.addEventListener("change", filter); });
    button.addEventListener("click", function () {
      var open = button.textContent === "Open all";
      items.forEach(function (item) { item.open = open; });
      button.textContent = open ? "Close all" : "Open all";
    });
    filter();
    tools.hidden = false;
  });

  // Headings of a sortable table become buttons; a cell sorts by its first number, or else by its text. Dashes come last.
  function worth(row, column) {
    var text = row.cells[column].textContent.trim();
    var number = /^[^\d]{0,8}?([+-]?\d[\d.]*)/.exec(text.replace(/\u2212/g, "-").replace(/(\d),(?=\d{3})/g, "$1"));
    return { text: text, number: number ? parseFloat(number[1]) : NaN, missing: text === "" || text === "\u2013" };
  }
  document.querySelectorAll("table.sortable").forEach(function (table) {
    var body = table.tBodies[0], headings = table.tHead.rows[0].cells;
    Array.prototype.forEach.call(headings, function (heading, column) {
      if (!heading.textContent.trim()) return;
      var button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      while (heading.firstChild) button.appendChild(heading.firstChild);
      heading.appendChild(button);
      button.addEventListener("click", function () {
        var rows = Array.prototype.map.call(body.rows, function (row) { return [worth(row, column), row]; });
        var numeric = rows.every(function (pair) { return pair[0].missing || !isNaN(pair[0].number); });
        var up = heading.getAttribute("aria-sort") ? heading.getAttribute("aria-sort") === "descending" : !numeric;
        rows.sort(function (a, b) {
          if (a[0].missing || b[0].missing) return a[0].missing - b[0].missing;
          var by = numeric ? a[0].number - b[0].number : a[0].text.localeCompare(b[0].text);
          return up ? by : -by;
        });
        Array.prototype.forEach.call(headings, function (other) { other.removeAttribute("aria-sort"); });
        heading.setAttribute("aria-sort", up ? "ascending" : "descending");
        rows.forEach(function (pair) { body.appendChild(pair[1]); });
      });
    });
  });
}());
