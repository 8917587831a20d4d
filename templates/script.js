// The site's script: the colour switch, search, shortcuts, sorting. Pages read and link without it.
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

  // search: every word must be found, in an address, a class or a note
  var MOST = 60;
  function find(text) {
    var words = text.toLowerCase().split(/\s+/).filter(Boolean), found = [];
    if (!words.length || !contents) return found;
    contents.atlases.forEach(function (atlas) {
      atlas.layers.forEach(function (layer) {
        var name = layer[0].toLowerCase();
        if (words.every(function (w) { return name.indexOf(w) >= 0 || atlas.name.toLowerCase() === w; }))
          found.push({ score: 90 + (name === words[0] ? 9 : 0), title: layer[0], about: layer[1] + " units · " + atlas.name, address: atlas.name + "/" + layer[0] + "/index.html" });
      });
      (shards[atlas.name] || []).forEach(function (shard) {
        var classes = shard.classes.map(function (c) { return c.toLowerCase(); });
        var hits = words.map(function (w) { return classes.map(function (c) { return c.indexOf(w) < 0 ? 0 : c.split(/[^a-z0-9]+/).indexOf(w) < 0 ? 1 : 5; }); });
        shard.layers.forEach(function (layer) {
          var name = layer[0].toLowerCase();
          layer[1].forEach(function (row) {
            var address = name + "/" + row[0], score = atlas.name === own ? 1 : 0, label = "", called = row[row.length - 1] === -1 ? " “" + shard.classes[row[row.length - 2]] + "”" : "";
            var fits = words.every(function (w, i) {
              if (address === w || String(row[0]) === w || atlas.name.toLowerCase() + "/" + address === w) { score += 100; return true; }
              if (atlas.name.toLowerCase() === w) return true;
              for (var k = 2; k < row.length; k += 2) {
                if (hits[i][row[k]]) { score += 10 * hits[i][row[k]] + row[k + 1]; label = shard.classes[row[k]] + (row[k + 1] < 0 ? ", the authors' name" : row[k + 1] ? " " + row[k + 1] + " of 9" : ", a concept"); return true; }
              }
              return address.indexOf(w) === 0;
            });
            if (fits) found.push({ score: score, title: layer[0] + "/" + row[0] + called, about: (label ? label + " · " : "") + atlas.name, address: atlas.name + "/" + layer[0] + "/" + row[0] + ".html" });
          });
        });
      });
    });
    contents.notes.forEach(function (note) {
      var whole = (note.title + " " + note.text).toLowerCase();
      if (words.every(function (w) { return whole.indexOf(w) >= 0; }))
        found.push({ score: 95, title: note.title, about: note.about || "note", address: note.address });
    });
    return found.sort(function (a, b) { return b.score - a.score; });
  }

  var searching = null;
  function search() {
    if (!searching) {
      var input = make("input", { type: "search", "aria-label": "Search units", placeholder: "conv3/117, dog, wheel …", autocomplete: "off" });
      var list = make("ul", { "class": "results" }), status = make("p", { "class": "note", role: "status" });
      var show = function () {
        var found = find(input.value);
        list.replaceChildren.apply(list, found.slice(0, MOST).map(function (one) {
          return make("li", {}, make("a", { href: root + one.address }, [make("b", {}, one.title), " ", make("span", {}, one.about)]));
        }));
        status.textContent = !input.value.trim() ? "An address such as conv3/117 leads straight to a unit." :
          found.length + (found.length > MOST ? " found, the first " + MOST + " shown" : " found");
      };
      input.addEventListener("input", show);
      input.addEventListener("keydown", function (event) {
        var first = list.querySelector("a");
        if (event.key === "Enter" && first) { event.preventDefault(); location.href = first.href; }
        if (event.key === "Escape") { event.preventDefault(); shut(searching); }
        if (event.key === "ArrowDown" && first) { event.preventDefault(); first.focus(); }
      });
      list.addEventListener("keydown", function (event) {
        var step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
        if (!step) return;
        event.preventDefault();
        var other = document.activeElement.parentElement[step];
        (other ? other.firstChild : input).focus();
      });
      searching = make("dialog", { "class": "search", "aria-label": "Search" }, [input, status, list]);
      searching.refresh = show;
      closable(searching);
    }
    open(searching);
    loadAll().then(searching.refresh);
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
      var card = { element: element, number: number, label: element.dataset.c, concept: element.dataset.p };
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
        var fits = (!chosen.show || (chosen.show === "fired") === card.fired > 0) && (!chosen["class"] || card.label === chosen["class"]) && (!chosen.concept || card.concept === chosen.concept);
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
        var link = entry.querySelector("[href^='#']");
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
      var link = entry.querySelector("[href^='#']");
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

  // a quiz: each question counts once
  function asking() {
    var asked = all(".quiz li"), right = 0, done = 0, score = document.getElementById("score");
    asked.forEach(function (question) {
      var buttons = all("[data-answer]", question);
      buttons.forEach(function (button) {
        button.addEventListener("click", function () {
          var good = button.dataset.answer === question.dataset.right;
          done += 1; right += good;
          buttons.forEach(function (b) {
            b.disabled = true;
            if (b.dataset.answer === question.dataset.right) b.closest(".choice").classList.add("right");
          });
          button.textContent = good ? "Right" : "No";
          question.querySelector("details").open = true;
          score.textContent = right + " of " + done + " right" + (done === asked.length ? ", and that was all." : " so far.");
        });
      });
    });
  }

  // snippets: this site's own address, and a button to copy each
  function copying() {
    var here = new URL(root || "./", location.href).href;
    all(".kit pre").forEach(function (pre) {
      if (/^http/.test(here)) pre.textContent = pre.textContent.split("https://your.site/").join(here);
      pre.before(make("button", { type: "button", "class": "tool", onclick: function (event) {
        navigator.clipboard.writeText(pre.textContent).then(function () {
          event.target.textContent = "Copied";
          setTimeout(function () { event.target.textContent = "Copy"; }, 1500);
        });
      } }, "Copy"));
    });
  }

  window.site = { make: make, all: all, remember: remember, closable: closable, open: open, isFree: isFree };
  document.addEventListener("DOMContentLoaded", function () {
    var does = { search: search, random: random, turn: turn, keys: showKeys };
    all("[data-do]").forEach(function (button) { if (does[button.dataset["do"]]) button.addEventListener("click", does[button.dataset["do"]]); });
    document.addEventListener("keydown", shortcuts);
    sorting();
    looking();
    asking();
    copying();
  });
})();
