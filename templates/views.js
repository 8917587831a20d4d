// The views of a page's pictures: reconstructions, lit patches, marks, controls. Pages read without it.
(function () {
  "use strict";
  var html = document.documentElement, site = window.site, make = site.make, all = site.all;
  var VIEWS = ["reconstruction", "lit", "marks", "control"];  // by their keys, from 1

  function draw(tag, attributes, children) {
    var drawn = document.createElementNS("http://www.w3.org/2000/svg", tag);
    Object.keys(attributes).forEach(function (name) { drawn.setAttribute(name, attributes[name]); });
    drawn.append.apply(drawn, children || []);
    return drawn;
  }

  // the lamp turns a reconstruction into light: its magnitude, blurred, with gain, above darkness
  function lamp() {
    var views = document.querySelector("[data-lamp]"), said = views && views.dataset.lamp.split(",");
    if (!views || document.getElementById("lamp")) return;
    var row = [said[1], said[1], said[1], 0, said[2]].join(" "), magnitude = { type: "table", tableValues: "1 0 1" };
    var filter = draw("filter", { id: "lamp", x: 0, y: 0, width: 1, height: 1, primitiveUnits: "objectBoundingBox", "color-interpolation-filters": "sRGB" }, [
      draw("feComponentTransfer", {}, ["R", "G", "B"].map(function (channel) { return draw("feFunc" + channel, magnitude); })),
      draw("feGaussianBlur", { stdDeviation: said[0] }),
      draw("feColorMatrix", { values: [row, row, row, "0 0 0 0 1"].join(" ") }),
      draw("feComposite", { in2: "SourceAlpha", operator: "in" })
    ]);
    document.body.append(draw("svg", { "class": "store", "aria-hidden": "true" }, [filter]));
  }

  // the rules beside the first come after these, as the page offers them
  function keyed() {
    return VIEWS.concat(all(".views input").map(function (input) { return input.value; }).filter(function (name) { return VIEWS.indexOf(name) < 0; }));
  }

  // lit patches are drawn when they are first looked at
  function lit(label, patch, reconstruction) {
    reconstruction.setAttribute("filter", "url(#lamp)");
    return make("span", { "class": "lit", role: "img", "aria-label": label }, [patch, reconstruction]);
  }
  function lightPair(pair) {
    var own = pair.querySelector(".own"), patch = pair.querySelector(".patch");
    if (pair.querySelector(".lit") || !patch.matches("svg")) return;
    var parts = [patch, own].map(function (tile) {
      var copy = tile.cloneNode(true);
      copy.setAttribute("class", "tile");
      return copy;
    });
    own.after(lit("Lit where its reconstruction is strong", parts[0], parts[1]));
  }
  function lightPlate(plate) {
    var picture = plate.querySelector("img"), halves = plate.dataset.lit.split(" ");
    var width = picture.getAttribute("width"), height = picture.getAttribute("height");
    function image() { return draw("image", { href: picture.getAttribute("src"), width: width, height: height }); }
    picture.after(lit("The patches, lit where their reconstructions are strong",
      draw("svg", { viewBox: halves[1] + " 0 " + width + " " + height }, [image()]),
      draw("svg", { viewBox: "0 0 " + width + " " + height }, [draw("svg", { width: halves[0], height: height }, [image()])])));
  }
  var near = null;
  function lightPlates(plates) {
    lamp();
    near = near || new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) {
        if (!entry.isIntersecting) return;
        near.unobserve(entry.target);
        lightPlate(entry.target);
      });
    }, { rootMargin: "400px" });
    plates.forEach(function (plate) { if (!plate.querySelector(".lit")) near.observe(plate); });
  }
  function light() {
    lamp();
    all(".pairs .pair, .hung .pair").forEach(lightPair);
    lightPlates(all("[data-lit]"));
  }

  // the views: one for all pages; a page that doesn't offer it shows reconstructions
  function isOffered(view) { return !!document.querySelector('.views input[value="' + view + '"]'); }
  function show(view) {
    if (!isOffered(view)) view = VIEWS[0];
    html.dataset.view = view;
    if (view === "lit") light();
    all(".views input").forEach(function (input) { input.checked = input.value === view; });
    all("[data-turn]").forEach(function (button) { button.setAttribute("aria-pressed", button.dataset.turn === view); });
    return view;
  }
  function choose(view) { if (isOffered(view)) site.remember("view", show(view)); }

  function turned(key) {
    var view = keyed()[Number(key) - 1];
    if (view) choose(view);
    return !!view;
  }

  site.views = { choose: choose, show: show, turned: turned };
  document.addEventListener("keydown", function (event) {
    if (!event.defaultPrevented && site.isFree(event) && turned(event.key)) event.preventDefault();
  });
  all(".views").forEach(function (views) {
    views.addEventListener("change", function (event) { choose(event.target.value); });
    views.addEventListener("pointerup", function () {  // the arrows are the page's, not the choice's
      setTimeout(function () { if (views.contains(document.activeElement)) document.activeElement.blur(); });
    });
  });
  show(html.dataset.view);
  lightPlates(all(".lighted [data-lit]"));  // as a note asks for
})();
