// Any two figures of a layer's units against each other: the chart is drawn anew from the table below it.
(function () {
  "use strict";
  var site = window.site, SVG = "http://www.w3.org/2000/svg";
  var LEFT = 84, RIGHT = 620, TOP = 16, BOTTOM = 312, WANTED = 6, MARGIN = 0.03;  // as atlas/site/render/charts.py has them

  function number(text) { return text ? parseFloat(text.replace("−", "-")) : null; }
  function told(value) { return String(parseFloat(value.toPrecision(6))).replace("-", "−"); }
  function ticks(low, high) {
    var step = Math.pow(10, Math.floor(Math.log10((high - low) / WANTED)));
    step *= [1, 2, 5, 10].filter(function (f) { return (high - low) / (step * f) <= WANTED; })[0];
    var found = [];
    for (var n = Math.ceil(low / step - 1e-9); n <= Math.floor(high / step + 1e-9); n++) found.push(n * step);
    return found;
  }
  function ranks(values) {
    var sorted = values.slice().sort(function (a, b) { return a - b; });
    return values.map(function (v) { return (sorted.indexOf(v) + sorted.lastIndexOf(v)) / 2; });
  }
  function correlation(a, b) {
    var x = ranks(a), y = ranks(b), mean = (a.length - 1) / 2, both = 0, one = 0, other = 0;
    x.forEach(function (v, i) {
      both += (v - mean) * (y[i] - mean);
      one += (v - mean) * (v - mean);
      other += (y[i] - mean) * (y[i] - mean);
    });
    return one && other ? both / Math.sqrt(one * other) : 0;
  }
  function between(r, count) {  // Fieller et al. 1957
    if (count <= 3) return "";
    var middle = Math.atanh(Math.max(-0.999999, Math.min(0.999999, r))), half = 1.96 * Math.sqrt(1.06 / (count - 3));
    return " (95 % interval " + Math.tanh(middle - half).toFixed(2) + " to " + Math.tanh(middle + half).toFixed(2) + ")";
  }
  function element(parent, name, attributes, text) {
    var made = document.createElementNS(SVG, name);
    Object.keys(attributes).forEach(function (key) { made.setAttribute(key, attributes[key]); });
    if (text) made.textContent = text;
    parent.appendChild(made);
    return made;
  }

  site.all("[data-axes]").forEach(function (controls) {
    var selects = site.all("select", controls), svg = document.querySelector(".chart svg");
    var rows = site.all("[data-figures] tbody tr"), said = document.querySelector("[data-said]");

    function draw() {
      var columns = selects.map(function (select) { return 1 + Number(select.value); });
      var titles = selects.map(function (select) { return select.selectedOptions[0].text; });
      var points = rows.map(function (row) {
        return { link: row.querySelector("a"), at: columns.map(function (c) { return number(row.cells[c].textContent); }) };
      }).filter(function (point) { return point.at[0] !== null && point.at[1] !== null; });
      var ends = [0, 1].map(function (axis) {
        var values = points.map(function (point) { return point.at[axis]; });
        var low = Math.min.apply(null, values), high = Math.max.apply(null, values);
        var margin = low < high ? MARGIN * (high - low) : 1;
        return [low - margin, high + margin];
      });
      function across(v) { return LEFT + (v - ends[0][0]) / (ends[0][1] - ends[0][0]) * (RIGHT - LEFT); }
      function up(v) { return BOTTOM - (v - ends[1][0]) / (ends[1][1] - ends[1][0]) * (BOTTOM - TOP); }
      svg.textContent = "";
      svg.setAttribute("aria-label", titles[0] + " across, " + titles[1] + " up");
      if (points.length) {
        ticks(ends[0][0], ends[0][1]).forEach(function (v) {
          element(svg, "path", { "class": "grid", d: "M" + across(v) + " " + TOP + "V" + BOTTOM });
          element(svg, "text", { "class": "across", x: across(v), y: BOTTOM + 18 }, told(v));
        });
        ticks(ends[1][0], ends[1][1]).forEach(function (v) {
          element(svg, "path", { "class": "grid", d: "M" + LEFT + " " + up(v) + "H" + RIGHT });
          element(svg, "text", { "class": "up", x: LEFT - 8, y: up(v) + 5 }, told(v));
        });
      }
      element(svg, "text", { "class": "across", x: (LEFT + RIGHT) / 2, y: 352 }, titles[0]);
      element(svg, "text", { "class": "across", transform: "translate(22 " + (TOP + BOTTOM) / 2 + ") rotate(-90)" }, titles[1]);
      points.forEach(function (point) {
        var link = element(svg, "a", { href: point.link.getAttribute("href") });
        var dot = element(link, "circle", { "class": "dot k0", cx: across(point.at[0]), cy: up(point.at[1]), r: 6 });
        element(dot, "title", {}, point.link.textContent);
      });
      var r = correlation(points.map(function (p) { return p.at[0]; }), points.map(function (p) { return p.at[1]; }));
      said.textContent = points.length + " of " + rows.length + " units have both figures. Their rank correlation (Spearman) is "
        + (r.toFixed(2) + between(r, points.length)).replace(/-/g, "−") + ".";
    }
    selects.forEach(function (select) { select.addEventListener("change", draw); });
  });
})();
