// Zoom and pan of a map: buttons, wheel, pinch, drag, keys. Without it the whole map is a picture with links.
(function () {
  "use strict";
  var site = window.site, MOST = 12;

  function movable(figure) {
    var svg = figure.querySelector("svg"), whole = svg.getAttribute("viewBox").split(" ").map(Number);
    var width = whole[2], height = whole[3], x = 0, y = 0, zoom = 1;
    var pointers = {}, dragged = false, buttons = site.all("[data-steer]", figure);

    function show() {
      var w = width / zoom, h = height / zoom;
      x = Math.min(Math.max(x, 0), width - w);
      y = Math.min(Math.max(y, 0), height - h);
      svg.setAttribute("viewBox", [x, y, w, h].map(function (n) { return Math.round(n * 100) / 100; }).join(" "));
      figure.classList.toggle("zoomed", zoom > 1);
      buttons[0].disabled = zoom >= MOST;
      buttons[1].disabled = buttons[2].disabled = zoom <= 1;
    }
    // a point of the screen on the map: shares of the part that is seen
    function shares(point) {
      var box = svg.getBoundingClientRect();
      return [(point.clientX - box.left) / box.width, (point.clientY - box.top) / box.height];
    }
    function scale(factor, at) {
      var before = zoom, share = at || [0.5, 0.5];
      zoom = Math.min(MOST, Math.max(1, zoom * factor));
      x += share[0] * width * (1 / before - 1 / zoom);
      y += share[1] * height * (1 / before - 1 / zoom);
      show();
      return zoom !== before;
    }
    function move(right, down) {
      x += right * width / zoom;
      y += down * height / zoom;
      show();
    }
    function reset() { zoom = 1; show(); }

    // by the middle of all fingers, and how far they are apart
    function grip() {
      var points = Object.keys(pointers).map(function (id) { return pointers[id]; });
      var middle = { clientX: 0, clientY: 0 };
      points.forEach(function (p) { middle.clientX += p.clientX / points.length; middle.clientY += p.clientY / points.length; });
      var apart = points.length > 1 ? Math.hypot(points[0].clientX - points[1].clientX, points[0].clientY - points[1].clientY) : 0;
      return { middle: shares(middle), apart: apart };
    }
    svg.addEventListener("pointerdown", function (event) {
      if (event.button) return;
      pointers[event.pointerId] = { clientX: event.clientX, clientY: event.clientY, startX: event.clientX, startY: event.clientY };
      if (Object.keys(pointers).length === 1) dragged = false;
    });
    svg.addEventListener("pointermove", function (event) {
      var own = pointers[event.pointerId], before, after;
      if (!own) return;
      if (!dragged && Math.hypot(event.clientX - own.startX, event.clientY - own.startY) < 5) return;
      if (!dragged && (zoom > 1 || Object.keys(pointers).length > 1)) svg.setPointerCapture(event.pointerId);
      dragged = true;
      before = grip();
      own.clientX = event.clientX;
      own.clientY = event.clientY;
      after = grip();
      if (before.apart) scale(after.apart / before.apart, after.middle);
      move(before.middle[0] - after.middle[0], before.middle[1] - after.middle[1]);
    });
    ["pointerup", "pointercancel"].forEach(function (kind) {
      window.addEventListener(kind, function (event) { delete pointers[event.pointerId]; });
    });
    svg.addEventListener("click", function (event) {  // the end of a drag follows no link
      if (dragged) event.preventDefault();
      dragged = false;
    }, true);
    svg.addEventListener("dragstart", function (event) { event.preventDefault(); });

    // the wheel scrolls the page until the map is in use
    svg.addEventListener("wheel", function (event) {
      if (!event.ctrlKey && zoom === 1 && !figure.contains(document.activeElement)) return;
      if (scale(Math.pow(1.0015, -event.deltaY * (event.deltaMode ? 30 : 1)), shares(event)) || zoom > 1) event.preventDefault();
    }, { passive: false });

    figure.addEventListener("keydown", function (event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      var step = 0.2, act = {
        "+": function () { scale(1.5); }, "=": function () { scale(1.5); }, "-": function () { scale(1 / 1.5); }, "0": reset,
        ArrowLeft: function () { move(-step, 0); }, ArrowRight: function () { move(step, 0); },
        ArrowUp: function () { move(0, -step); }, ArrowDown: function () { move(0, step); }
      }[event.key];
      if (!act || (zoom === 1 && /^Arrow/.test(event.key))) return;  // the page's own
      act();
      event.preventDefault();
    });
    // a link that gets the focus comes into sight
    svg.addEventListener("focusin", function (event) {
      var cell = event.target.querySelector && event.target.querySelector("rect");
      if (!cell || zoom === 1 || !event.target.matches(":focus-visible")) return;
      var box = cell.getBBox(), w = width / zoom, h = height / zoom;
      if (box.x < x || box.x + box.width > x + w) x = box.x + box.width / 2 - w / 2;
      if (box.y < y || box.y + box.height > y + h) y = box.y + box.height / 2 - h / 2;
      show();
    });

    buttons.forEach(function (button) {
      button.addEventListener("click", { closer: function () { scale(1.5); }, farther: function () { scale(1 / 1.5); }, whole: reset }[button.dataset.steer]);
    });
    svg.setAttribute("tabindex", "0");
    show();
  }
  site.all("[data-map]").forEach(movable);
})();
