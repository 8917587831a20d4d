// Pictures across a hall: one pair at full size, and presentation. Pages read without it.
(function () {
  "use strict";
  var html = document.documentElement, site = window.site, make = site.make, all = site.all, views = site.views;

  // the wall: one pair as large as the screen, at the address's #wall-1 to #wall-9; opened on a page it is
  // a step of its own in the browser's history, so that Back leads to that page
  var wall = null, place = 0;
  function isWall() { return /^#wall-\d+$/.test(location.hash); }
  function pairs() { return all(".pairs > li"); }
  function button(text, label, act) { return make("button", { type: "button", "aria-label": label, onclick: act }, text); }
  function build() {
    var turns = all(".views input").map(function (input) {
      var turn = button(input.nextElementSibling.textContent, input.nextElementSibling.textContent, function () { views.choose(input.value); });
      turn.dataset.turn = input.value;
      return turn;
    });
    wall = make("dialog", { "class": "wall", "aria-label": "One pair at full size", autofocus: "" }, [
      make("p", { "class": "told", role: "status" }),
      make("div", { "class": "said note" }, all(".said p").map(function (said) { return said.cloneNode(true); })),
      make("div", { "class": "hung" }),
      make("div", { "class": "moves" }, [
        button("←", "Pair before", function () { step(-1); }), button("→", "Pair after", function () { step(1); }),
        make("div", { "class": "turns", role: "group", "aria-label": "View" }, turns),
        button("↑", "Unit before", function () { leave("prev"); }), button("↓", "Unit after", function () { leave("next"); })
      ])
    ]);
    site.closable(wall);
    wall.addEventListener("close", function () {
      html.classList.remove("walled");
      if (isWall() && history.state && history.state.wall) history.back();
      else if (isWall()) history.replaceState(null, "", location.pathname + location.search);
      var opener = pairs()[place];
      if (opener) opener.querySelector(".enlarge").focus();
    });
    var start = null;  // of a finger that swipes through the pairs
    wall.addEventListener("touchstart", function (event) { start = event.touches.length === 1 ? event.touches[0] : null; }, { passive: true });
    wall.addEventListener("touchend", function (event) {
      var end = event.changedTouches[0], x = start ? end.clientX - start.clientX : 0;
      if (Math.abs(x) > 40 && Math.abs(x) > 2 * Math.abs(end.clientY - start.clientY)) step(x < 0 ? 1 : -1);
      start = null;
    });
    wall.addEventListener("keydown", function (event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      var act = {
        ArrowLeft: function () { step(-1); }, PageUp: function () { step(-1); },
        ArrowRight: function () { step(1); }, PageDown: function () { step(1); },
        ArrowUp: function () { leave("prev"); }, ArrowDown: function () { leave("next"); }
      }[event.key];
      if (act) act();
      else if (!views.turned(event.key)) return;
      event.preventDefault();
    });
  }
  function hang(number) {
    var items = pairs(), item, pair, name = document.querySelector("h1").textContent.split(" ")[0];
    if (!wall) build();
    place = Math.max(0, Math.min(items.length - 1, number));
    item = items[place];
    if (item) {
      pair = item.querySelector(".pair").cloneNode(true);
      pair.querySelector(".enlarge").remove();
    } else pair = document.querySelector(".never").cloneNode(true);
    wall.querySelector(".hung").replaceChildren(pair);
    wall.querySelector(".hung").classList.toggle("crisp", !!document.querySelector(".pairs.crisp"));
    wall.querySelector(".told").replaceChildren(make("b", {}, name),
      item ? " " + (place + 1) + " of " + items.length + " · " + item.querySelector(".about strong").textContent + " " + (item.querySelector(".class") || { textContent: "" }).textContent : "");
    if (isWall()) history.replaceState(history.state, "", "#wall-" + (place + 1));
    else history.pushState({ wall: true }, "", "#wall-" + (place + 1));
    site.open(wall);
    views.show(html.dataset.view);
  }
  function step(by) { hang(place + by); }
  function leave(way) {
    var link = document.querySelector(".top a[rel=" + way + "]");
    if (link) location.replace(link.href + "#wall-" + (place + 1));
  }

  // presentation: no chrome, large type, one section or figure at a time
  var slides = [], slide = 0, stepper = null;
  function isFigure(element) { return element.tagName === "FIGURE" || element.tagName === "DIV" && !!element.querySelector("figure"); }
  function isHead(element) { return /^H[1-6]$/.test(element.tagName); }
  function hasPictures(part) { return part.matches(".pairs, .plate") || !!part.querySelector(".pairs, .plate"); }
  function cut() {
    var content = document.getElementById("content"), text = content.querySelector(".note-text"), cuts = [], last = null;
    var parts = Array.prototype.slice.call(content.children);
    if (text) parts = parts.filter(function (part) { return part !== text; }).concat(Array.prototype.slice.call(text.children));
    parts.forEach(function (part) {
      if (part.matches(".store, .views, .said")) return;
      if (part.querySelector(".kit")) { part.classList.add("away"); return; }
      var begins = !last || isFigure(last) || /^(SECTION|H[1-3])$/.test(part.tagName) || part.matches(".aside") || isFigure(part);
      if (last && isHead(last) && (isHead(part) || isFigure(part))) begins = false;
      if (begins) cuts.push([]);
      cuts[cuts.length - 1].push(part);
      last = part;
    });
    return cuts;
  }
  function turn(number) {
    slide = Math.max(0, Math.min(slides.length - 1, number));
    slides.forEach(function (parts, i) { parts.forEach(function (part) { part.classList.toggle("away", i !== slide); }); });
    all("#content > .views, #content > .said").forEach(function (part) { part.classList.toggle("away", !slides[slide].some(hasPictures)); });
    stepper.querySelector("output").textContent = (slide + 1) + " / " + slides.length;
    scrollTo(0, 0);
  }
  function isPresenting() { return html.classList.contains("presenting"); }
  function present() {
    if (!document.querySelector("[data-do=present]")) return;
    if (isPresenting()) return endPresentation();
    slides = cut();
    var first = slides.findIndex(function (parts) { return parts[parts.length - 1].getBoundingClientRect().bottom > innerHeight / 4; });
    stepper = make("div", { "class": "stepper", role: "group", "aria-label": "Presentation" }, [
      button("←", "Before", function () { turn(slide - 1); }), make("output", {}), button("→", "After", function () { turn(slide + 1); }),
      button("×", "Leave the presentation", endPresentation)
    ]);
    document.getElementById("content").append(stepper);
    html.classList.add("presenting");
    turn(scrollY < innerHeight / 2 ? 0 : first);
  }
  function endPresentation() {
    html.classList.remove("presenting");
    all(".away").forEach(function (part) { part.classList.remove("away"); });
    stepper.remove();
    slides[slide][0].scrollIntoView();
  }
  function page(by) {  // to what is left of a slide that is taller than the screen, or to the next
    var left = by > 0 ? html.scrollHeight - innerHeight - scrollY : scrollY;
    if (left > 2) scrollBy(0, by * 0.85 * innerHeight);
    else turn(slide + by);
  }
  var PRESENTING = {
    ArrowRight: function () { turn(slide + 1); }, ArrowLeft: function () { turn(slide - 1); },
    " ": function (event) { page(event.shiftKey ? -1 : 1); }, PageDown: function () { page(1); }, PageUp: function () { page(-1); },
    Home: function () { turn(0); }, End: function () { turn(slides.length - 1); }, Escape: endPresentation
  };

  document.addEventListener("keydown", function (event) {
    if (event.defaultPrevented || !site.isFree(event)) return;
    if (event.key === "p" || event.key === "P") present();
    else if (isPresenting() && PRESENTING[event.key]) PRESENTING[event.key](event);
    else return;
    event.preventDefault();
  });
  all("[data-do=present]").forEach(function (one) { one.addEventListener("click", function () { one.blur(); present(); }); });
  pairs().forEach(function (item, i) {
    var box = item.querySelector(".own").viewBox.baseVal;
    if (!i) html.style.setProperty("--shape", box.height / box.width);  // of the tiles, which all are alike
    item.querySelector(".pair").append(make("button", { type: "button", "class": "enlarge", "aria-label": "Pair " + (i + 1) + " at full size", onclick: function () { hang(i); } }));
  });
  function enter() {
    var asked = /^#wall-(\d+)$/.exec(location.hash);
    if (asked && document.querySelector(".pairs, p.never")) hang(asked[1] - 1);
    else if (wall && wall.open) site.shut(wall);
    else html.classList.remove("walled");
  }
  enter();
  addEventListener("hashchange", enter);
})();
