// The site's script: the colour switch, shortcuts, sorting. Pages read and link without it.
(function () {
  "use strict";
  var html = document.documentElement;
  var root = html.dataset.root || "", own = html.dataset.atlas || "";
  html.classList.add("js");

  // light or dark, and the view of the pictures, before anything is painted
  function remembered(what) { try { return localStorage.getItem(what); } catch (e) { return null; } }
  function remember(what, value) { try { localStorage.setItem(what, value); } catch (e) { /* not here */ } }
  if (remembered("theme")) html.dataset.theme = remembered("theme");
  html.dataset.view = remembered("view") || "reconstruction";
  if (/^#wall-\d+$/.test(location.hash)) html.classList.add("walled");  // a pair at full size, no page before it
  function isDark() {
    return html.dataset.theme ? html.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }
  function turn() { html.dataset.theme = isDark() ? "light" : "dark"; remember("theme", html.dataset.theme); }

  function make(tag, attributes, children) {
    var made = document.createElement(tag);
    Object.keys(attributes || {}).forEach(function (name) {
      if (name.slice(0, 2) === "on") made.addEventListener(name.slice(2), attributes[name]);
      else made.setAttribute(name, attributes[name]);
    });
    [].concat(children || []).forEach(function (child) { made.append(child); });
    return made;
  }
  function all(selector, within) { return Array.prototype.slice.call((within || document).querySelectorAll(selector)); }
  function go(address) { location.href = root + address; }

  // what there is to be found, loaded when first asked for
  var contents = null, shards = {}, loading = {};
  window.siteIndex = function (found) { contents = found; };
  window.atlasIndex = function (name, shard) { (shards[name] = shards[name] || []).push(shard); };
  function load(file) {
    loading[file] = loading[file] || new Promise(function (done) {
      document.head.append(make("script", { src: root + file, onload: done, onerror: done }));
    });
    return loading[file];
  }
  function loadAll() {
    return load("search.js").then(function () {
      var files = [];
      (contents ? contents.atlases : []).forEach(function (atlas) {
        for (var i = 0; i < atlas.shards; i++) files.push(load(atlas.name + "/search/" + i + ".js"));
      });
      return Promise.all(files);
    });
  }

  function random() {
    loadAll().then(function () {
      var addresses = [];
      (contents ? contents.atlases : []).forEach(function (atlas) {
        if (own && atlas.name !== own) return;
        (shards[atlas.name] || []).forEach(function (shard) {
          shard.layers.forEach(function (layer) {
            layer[1].forEach(function (row) { if (row[1]) addresses.push(atlas.name + "/" + layer[0] + "/" + row[0] + ".html"); });
          });
        });
      });
      if (addresses.length) go(addresses[Math.floor(Math.random() * addresses.length)]);
    });
  }

  // dialogs
  function closable(dialog) {
    dialog.append(make("button", { type: "button", "class": "close", "aria-label": "Close", onclick: function () { shut(dialog); } }, "×"));
    dialog.addEventListener("click", function (event) { if (event.target === dialog) shut(dialog); });
    dialog.addEventListener("cancel", function (event) { event.preventDefault(); shut(dialog); });
    document.body.append(dialog);
  }
  function shut(dialog) {  // where nothing had the focus before, a field would keep it
    dialog.close();
    if (dialog.contains(document.activeElement)) document.activeElement.blur();
  }
  function open(dialog) { if (!dialog.open) dialog.showModal(); }

  var KEYS = [["/", "search"], ["← →", "the unit, layer or image before and after"], ["↑", "one step up"], ["r", "a random unit"], ["d", "light or dark"], ["1 – 4", "reconstruction, lit, marks, control"], ["Enter", "a pair at full size: ← → through the nine, ↑ ↓ to other units"], ["p", "presentation: ← → and space, one section or figure at a time"], ["?", "this list"]];
  var help = null;
  function showKeys() {
    if (!help) {
      var rows = [];
      KEYS.forEach(function (pair) { rows.push(make("dt", {}, make("kbd", {}, pair[0])), make("dd", {}, pair[1])); });
      help = make("dialog", { "aria-label": "Shortcuts" }, [make("h2", {}, "Shortcuts"), make("dl", { "class": "keys" }, rows)]);
      closable(help);
    }
    open(help);
  }

  function follow(selector) { var link = document.querySelector(selector); if (link) location.href = link.href; }
  // whether a key is nobody else's: a field's, a button's, a dialog's, the browser's
  function isFree(event) {
    var target = event.target, tag = target.tagName;
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return false;
    if (tag === "INPUT" && target.type === "radio") return !/^(Arrow|Tab$| $)/.test(event.key);
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(tag) || target.isContentEditable) return false;
    if (/^(BUTTON|SUMMARY|A)$/.test(tag) && /^(Enter| )$/.test(event.key)) return false;
    return tag !== "PRE" || !/^Arrow/.test(event.key);
  }
  function shortcuts(event) {
    if (event.defaultPrevented || !isFree(event)) return;
    var act = {
      "/": search, "?": showKeys, r: random, d: turn,
      ArrowLeft: function () { follow("a[rel=prev]"); }, ArrowRight: function () { follow("a[rel=next]"); },
      ArrowUp: function () { if (scrollY > 0) return false; follow(".crumbs a:last-of-type"); }
    }[event.key];
    if (act && act() !== false) event.preventDefault();
  }

  // sorting and filtering a layer's units; the state is the address's fragment
  function sorting() {
    var list = document.getElementById("units");
    if (!list) return;
    var controls = ["sort", "show", "class", "concept"].map(function (id) { return document.getElementById(id); }).filter(Boolean);
    var orders = list.dataset.orders.split(" ");
    var cards = all(".plate", list).map(function (element, number) {
      var card = { element: element, number: number, label: element.dataset.c, concepts: (element.dataset.p || "").split("|") };
      element.dataset.k.split(" ").forEach(function (key, i) { card[orders[i]] = Number(key); });
      return card;
    });
    var count = document.getElementById("count"), sorted = "";
    function apply() {
      var chosen = {};
      controls.forEach(function (control) { chosen[control.id] = control.value; });
      var shown = 0, ordered = cards.slice();
      if (chosen.sort) ordered.sort(function (a, b) { return b[chosen.sort] - a[chosen.sort] || a.number - b.number; });
      ordered.forEach(function (card) {
        var fits = (!chosen.show || (chosen.show === "fired") === card.fired > 0) && (!chosen["class"] || card.label === chosen["class"]) && (!chosen.concept || card.concepts.indexOf(chosen.concept) >= 0);
        if (card.element.hidden === fits) card.element.hidden = !fits;
        shown += fits;
      });
      if (chosen.sort !== sorted) list.replaceChildren.apply(list, ordered.map(function (card) { return card.element; }));
      sorted = chosen.sort;
      count.textContent = shown === cards.length ? "" : shown + " of " + cards.length;
    }
    function read() {
      var state = new URLSearchParams(location.hash.slice(1));
      controls.forEach(function (control) {
        control.value = state.get(control.id) || "";
        if (control.selectedIndex < 0) control.value = "";
      });
      apply();
    }
    function write() {
      var state = new URLSearchParams();
      controls.forEach(function (control) { if (control.value) state.set(control.id, control.value); });
      history.replaceState(null, "", "#" + state);
      apply();
    }
    controls.forEach(function (control) { control.addEventListener("change", write); });
    addEventListener("hashchange", read);
    read();
  }

  // a place in an image, or a unit's row: only the units that see it stay, or its box; a button shows all again
  function looking() {
    var picture = document.querySelector(".picture svg"), entries = all("[data-box]"), clear = document.getElementById("clear");
    if (!picture) return;
    function filter(fits) {
      entries.forEach(function (entry) { entry.hidden = !fits(entry); });
      all(".stimulus section").forEach(function (section) { section.hidden = !section.querySelector("li:not([hidden])"); });
    }
    function choose(mark) {  // of a row, or "" for none
      all(".picture g").forEach(function (box) { box.classList.toggle("chosen", box.id === mark); });
      entries.forEach(function (entry) {
        var link = entry.querySelector("a[href^='#']");
        link.setAttribute("aria-current", link.hash === "#" + mark);
      });
      history.replaceState(null, "", mark ? "#" + mark : location.pathname + location.search);
      clear.disabled = !mark;
    }
    function showAll() { filter(function () { return true; }); choose(""); }
    function read() { choose(document.getElementById(location.hash.slice(1)) ? location.hash.slice(1) : ""); }
    picture.addEventListener("click", function (event) {
      var point = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
      filter(function (entry) {
        var box = entry.dataset.box.split(" ").map(Number);
        return box[0] <= point.y && point.y < box[2] && box[1] <= point.x && point.x < box[3];
      });
      clear.disabled = false;
    });
    entries.forEach(function (entry) {
      var link = entry.querySelector("a[href^='#']");
      entry.addEventListener("click", function (event) {
        var to = event.target.closest("a");
        if (to && to !== link) return;
        event.preventDefault();
        choose(link.getAttribute("aria-current") === "true" ? "" : link.hash.slice(1));
      });
    });
    clear.addEventListener("click", showAll);
    addEventListener("keydown", function (event) { if (event.key === "Escape") showAll(); });
    addEventListener("hashchange", read);
    read();
  }

  // a quiz: each question counts once; what was answered on other pages is kept in this browser
  function asking() {
    var asked = all(".quiz li"), own = {}, score = document.getElementById("score");
    if (!asked.length) return;
    function kept() { try { return JSON.parse(remembered("quizzes")) || {}; } catch (e) { return {}; } }
    function sum(pages) {
      var every = {};
      pages.forEach(function (page) {
        Object.keys(page).forEach(function (level) {
          var one = every[level] = every[level] || [0, 0];
          one[0] += page[level][0]; one[1] += page[level][1];
        });
      });
      return every;
    }
    function fill(whose, scores) {
      all('[data-own="' + whose + '"] td').forEach(function (cell) {
        var one = scores[cell.dataset.level];
        cell.textContent = one ? Math.round(100 * one[0] / one[1]) + " % of " + one[1] : "";
      });
    }
    function told() {
      var pages = kept();
      if (own.all) {
        pages[location.pathname] = own;
        remember("quizzes", JSON.stringify(pages));
        score.textContent = own.all[0] + " of " + own.all[1] + " right" + (own.all[1] === asked.length ? ", and that was all." : " so far.");
      }
      fill("page", own);
      fill("all", sum(Object.keys(pages).map(function (page) { return pages[page]; })));
    }
    asked.forEach(function (question) {
      var buttons = all("[data-answer]", question);
      buttons.forEach(function (button) {
        button.addEventListener("click", function () {
          var good = button.dataset.answer === question.dataset.right, one = { all: [+good, 1] };
          if (question.dataset.level) one[question.dataset.level] = [+good, 1];
          own = sum([own, one]);
          buttons.forEach(function (b) {
            b.disabled = true;
            if (b.dataset.answer === question.dataset.right) b.closest(".choice").classList.add("right");
          });
          button.textContent = good ? "Right" : "No";
          question.querySelector("details").open = true;
          told();
        });
      });
    });
    told();
  }

  // what stands far below a first view is loaded when it comes near
  function nearing() {
    var near = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) {
        if (!entry.isIntersecting) return;
        near.unobserve(entry.target);
        entry.target.classList.add("near");
      });
    }, { rootMargin: "50%" });
    all(".network .plate").forEach(function (plate) { near.observe(plate); });
  }

  // snippets: a unit's are made of its layer's templates when they are first asked for
  function kit(marks, templates) {
    var own = document.querySelector(".kit[data-unit]"), said = own.dataset, alt = said.alt || "";
    function escaped(text) { return text.replace(/[&<>"']/g, function (one) { return { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;" }[one]; }); }
    function marked(text) {
      return text.replace(/[\\`*_[\]~$|{}&<>]/g, function (one) {
        return { "&": "&amp;", "<": "&lt;", ">": "&gt;" }[one] || ("~$|{}".indexOf(one) < 0 ? "\\" + one : "&#" + one.charCodeAt(0) + ";");
      });
    }
    var filled = [said.unit, escaped(said.title), marked(alt), escaped(alt), said.target, said.label];
    all("h3, pre, button", own).forEach(function (old) { old.remove(); });
    templates.forEach(function (row) {
      if (row[2] && !alt) return;
      var text = row[1].replace(new RegExp(marks.join("|"), "g"), function (mark) { return filled[marks.indexOf(mark)]; });
      own.append(make("h3", {}, row[0]), make("pre", { tabindex: "0" }, text));
    });
    copying();
  }

  // this site's own address in snippets, and a button to copy each
  var UNKNOWN = "https://your.site/";
  function copying() {
    var here = new URL(root || "./", location.href).href;
    all("#unknown").forEach(function (note) { note.hidden = /^http/.test(here); });
    all(".kit pre").forEach(function (pre) {
      if (/^http/.test(here)) pre.textContent = pre.textContent.split(UNKNOWN).join(here);
      pre.before(make("button", { type: "button", "class": "tool", onclick: function (event) {
        var isMadeUp = pre.textContent.indexOf(UNKNOWN) >= 0;  // opened from a file, nobody has said where it is published
        navigator.clipboard.writeText(pre.textContent).then(function () {
          event.target.textContent = isMadeUp ? "Copied. Put your site's address in place of " + UNKNOWN : "Copied";
          setTimeout(function () { event.target.textContent = "Copy"; }, isMadeUp ? 6000 : 1500);
        });
      } }, "Copy"));
    });
  }

  // where plates aren't kept as JPEG: a button that makes one, which browsers let only served pages do
  function printing() {
    var plate = document.querySelector('.takeaway a[href$=".webp"]');
    if (!plate || document.querySelector('.takeaway a[href$=".jpg"]') || !/^http/.test(location.protocol)) return;
    plate.after(" ", make("button", { type: "button", "class": "tool", onclick: function () {
      var picture = make("img", { src: plate.href });
      picture.decode().then(function () {
        var canvas = make("canvas", { width: picture.naturalWidth, height: picture.naturalHeight }), pen = canvas.getContext("2d");
        pen.fillStyle = "#fff";
        pen.fillRect(0, 0, canvas.width, canvas.height);
        pen.drawImage(picture, 0, 0);
        canvas.toBlob(function (made) {
          make("a", { href: URL.createObjectURL(made), download: plate.pathname.split("/").pop().replace("webp", "jpg") }).click();
        }, "image/jpeg", 0.92);
      });
    } }, "Plate (JPEG)"));
  }

  window.site = {
    make: make, all: all, remember: remember, closable: closable, open: open, shut: shut, isFree: isFree,
    kit: kit, loadAll: loadAll, contents: function () { return contents; }, shards: function (atlas) { return shards[atlas] || []; }
  };
  function search() { load("find.js").then(function () { if (window.site.search) window.site.search(); }); }
  document.addEventListener("DOMContentLoaded", function () {
    var does = { search: search, random: random, turn: turn, keys: showKeys };
    all("[data-do]").forEach(function (button) { if (does[button.dataset["do"]]) button.addEventListener("click", does[button.dataset["do"]]); });
    document.addEventListener("keydown", shortcuts);
    sorting();
    looking();
    asking();
    copying();
    all(".kit[data-unit]").forEach(function (own) {
      own.addEventListener("toggle", function () { document.head.append(make("script", { src: "kit.js" })); }, { once: true });
    });
    printing();
    nearing();
  });
})();
