// A slider over the moments of a unit's training: one pair at a time, large. The row stands without it.
(function () {
  "use strict";
  var site = window.site, make = site.make;
  site.all("[data-moments]").forEach(function (list) {
    var items = site.all("li", list), last = items.length - 1;
    var shown = make("div", { "class": "moment" }), told = make("output", { "class": "quiet" });
    var slider = make("input", { type: "range", min: 0, max: last, value: last, "aria-label": "Moment of the training" });
    function turn() {
      var item = items[slider.value], tiles = site.all(".tile", item).map(function (tile) { return tile.cloneNode(true); });
      tiles.forEach(function (tile) { tile.removeAttribute("role"); tile.removeAttribute("aria-label"); tile.setAttribute("aria-hidden", "true"); });
      shown.replaceChildren.apply(shown, tiles);
      items.forEach(function (other) { other.classList.toggle("current", other === item); });
      told.textContent = site.all("b, .quiet", item).map(function (part) { return part.textContent; }).join(" · ");
      slider.setAttribute("aria-valuetext", told.textContent);
    }
    slider.addEventListener("input", turn);
    items.forEach(function (item, number) {
      item.addEventListener("click", function (event) {
        if (event.target.closest("a")) return;
        slider.value = number;
        turn();
      });
    });
    list.parentNode.before(make("div", { "class": "slide" }, [shown, slider, told]));
    turn();
  });
})();
