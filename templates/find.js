// Search: units by address, class, concept and name; pages by what they say. Pages read and link without it.
(function () {
  "use strict";
  var html = document.documentElement, site = window.site, make = site.make;
  var root = html.dataset.root || "", own = html.dataset.atlas || "";
  var MOST = 60, PAGES = 8;  // results shown, and pages before the units, at most
  var SAME = 5, STANDS_FOR = 4, BEGINS = 3, HOLDS = 2, NEAR = 1;  // how well a word fits what was typed

  function plain(text) { return text.toLowerCase().normalize("NFKD").replace(/[\u0300-\u036f]/g, ""); }
  function wordsOf(text) {  // and all of what isn't made of letters alone, as "t-shirt" or "features.3"
    var words = plain(text).match(/[\p{L}\p{N}]+/gu) || [];
    return words.concat(plain(text).split(/\s+/).filter(function (word) { return word && words.indexOf(word) < 0; }));
  }

  // what a word may be the plural of, and the word
  function singulars(word) {
    var forms = [word];
    if (/^\p{L}{3,}s$/u.test(word) && !/ss$/.test(word)) forms.push(word.slice(0, -1));
    if (/^\p{L}{2,}(s|x|z|ch|sh|o)es$/u.test(word)) forms.push(word.slice(0, -2));
    if (/^\p{L}{2,}ies$/u.test(word)) forms.push(word.slice(0, -3) + "y");
    return forms;
  }

  // one typing error: a letter wrong, missing or too many, or two that changed places over at most one other
  function isNear(a, b) {
    var start = 0, end = 0, shorter = Math.min(a.length, b.length);
    while (start < shorter && a[start] === b[start]) start++;
    while (end < shorter - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
    a = a.slice(start, a.length - end);
    b = b.slice(start, b.length - end);
    if (a.length < 2 && b.length < 2) return true;
    return a.length === b.length && a.length < 4 && a[0] === b[b.length - 1] && b[0] === a[a.length - 1] && a.slice(1, -1) === b.slice(1, -1);
  }
  function isForgiven(word) { return /^\p{L}{4,}$/u.test(word); }

  // everything that can be found, once it is loaded
  var index = null;
  function read() {
    var words = new Map();  // each with its singulars
    function known(text) {
      var found = wordsOf(text);
      found.forEach(function (word) { if (!words.has(word)) words.set(word, singulars(word)); });
      return found;
    }
    function page(title, about, address, text) {
      return { title: title, about: about, address: address, text: text, words: known(title + " " + about), said: known(text) };
    }
    var contents = site.contents(), pages = [], atlases = [];
    contents.atlases.forEach(function (atlas) {
      pages.push(page(atlas.name, "atlas", atlas.name + "/index.html", ""));
      atlas.layers.forEach(function (layer) {
        pages.push(page(layer[0], layer[1] + " units · " + atlas.name, atlas.name + "/" + layer[0] + "/index.html", ""));
      });
      atlases.push({
        name: atlas.name, plates: atlas.plates,
        shards: site.shards(atlas.name).map(function (shard) { return { names: shard.classes, words: shard.classes.map(known), layers: shard.layers }; })
      });
    });
    contents.pages.forEach(function (one) { pages.push(page(one[0], one[2], one[1], one[3])); });
    return { words: words, pages: pages, atlases: atlases, synonyms: contents.synonyms };
  }

  // how well each known word fits a typed one; what only nearly fits counts where nothing else does
  function fitting(typed) {
    var forms = singulars(typed), fits = new Map(), near = [];
    var means = [].concat.apply([], forms.map(function (form) { return Object.hasOwn(index.synonyms, form) ? index.synonyms[form] : []; })).map(wordsOf);
    index.words.forEach(function (others, word) {
      var fit = others.some(function (other) { return forms.indexOf(other) >= 0; }) ? SAME :
        word.indexOf(typed) === 0 ? BEGINS : typed.length > 2 && word.indexOf(typed) > 0 ? HOLDS : 0;
      if (fit) fits.set(word, fit);
      else if (isForgiven(typed) && isForgiven(word) && (isNear(typed, word) || isNear(typed, word.slice(0, typed.length)))) near.push(word);
    });
    means = means.filter(function (words) { return words.every(function (word) { return index.words.has(word); }); });
    var forgiven = !fits.size && !means.length ? near : [];
    forgiven.forEach(function (word) { fits.set(word, NEAR); });
    return { typed: typed, fits: fits, means: means, forgiven: forgiven };
  }
  function fitOf(fit, words) {  // of all the words of a name
    var best = fit.means.some(function (means) { return means.every(function (word) { return words.indexOf(word) >= 0; }); }) ? STANDS_FOR : 0;
    words.forEach(function (word) { best = Math.max(best, fit.fits.get(word) || 0); });
    return best;
  }

  function pagesFor(fits) {
    var whole = fits.map(function (fit) { return fit.typed; }).join(" "), found = [];
    index.pages.forEach(function (page) {
      var score = page.address.indexOf(own + "/") === 0 ? 1 : 0, said = false;
      var all = fits.every(function (fit) {
        var titled = fitOf(fit, page.words), text = titled ? 0 : textFit(fit, page.said);
        said = said || text > 0;
        score += 10 * titled + text;
        return titled || text;
      });
      if (!all) return;
      if (plain(page.title) === whole) score += 1000;
      found.push({ score: said ? score : score + 500, title: page.title, about: page.about + (said ? passage(fits, page) : ""), address: page.address });
    });
    return best(found);
  }
  function textFit(fit, words) {  // of a text, where more or less every letter stands somewhere
    return fitOf(fit, words.filter(function (word) {
      var known = fit.fits.get(word);
      return known !== HOLDS && (known !== BEGINS || fit.typed.length > 3);
    }));
  }
  function passage(fits, page) {  // around the first word that was found
    var word = page.said.find(function (word) {
      return fits.some(function (fit) { return textFit(fit, [word]) || fit.means.some(function (means) { return means.indexOf(word) >= 0; }); });
    });
    var text = page.text, place = word ? text.toLowerCase().indexOf(word) : -1;
    if (place < 0) return "";
    var start = place < 40 ? 0 : text.indexOf(" ", place - 40) + 1, end = text.indexOf(" ", place + 50);
    return ": " + (start ? "… " : "") + text.slice(start, end < 0 ? text.length : end) + (end < 0 ? "" : " …");
  }

  // units: those at the address that was typed, and those that fit; of equally good ones the first are kept
  function unitsFor(fits) {
    var typed = fits.map(function (fit) { return fit.typed; }), address = typed.join("/"), exact = [], kept = new Map(), count = 0;
    function numberIn(text, before) {  // the whole number after what an address begins with; or -1
      var rest = text.indexOf(before) === 0 ? text.slice(before.length) : "";
      return /^(0|[1-9]\d*)$/.test(rest) ? Number(rest) : -1;
    }
    var plainly = typed.map(function (word) { return numberIn(word, ""); });
    index.atlases.forEach(function (atlas) {
      var atlasName = plain(atlas.name), home = atlas.name === own ? 1 : 0;
      atlas.shards.forEach(function (shard) {
        var named = fits.map(function (fit) { return shard.words.map(function (words) { return 10 * fitOf(fit, words); }); });
        shard.layers.forEach(function (layer) {
          var name = plain(layer[0]);
          var numbers = typed.map(function (word) { return word.indexOf(name + "/") === 0 ? word.slice(name.length + 1) : null; });
          var placed = typed.map(function (word) { return word === atlasName || name.indexOf(word) === 0; });
          var at = ["", name + "/", atlasName + "/" + name + "/"].map(function (before) { return numberIn(address, before); });
          layer[1].forEach(function (row) {
            var number = row[0], score = home, shown = -1;
            if (number === at[0] || number === at[1] || number === at[2]) {
              exact.push({ score: score, atlas: atlas, shard: shard, layer: layer[0], row: row, shown: shown });
              return;
            }
            for (var i = 0; i < typed.length; i++) {
              var fit = 0, own = named[i];
              for (var k = 2; k < row.length; k += 2) {
                var here = own[row[k]];
                if (here && here + row[k + 1] > fit) { fit = here + row[k + 1]; shown = k; }
              }
              if (!fit && !placed[i] && number !== plainly[i] && !(numbers[i] !== null && String(number).indexOf(numbers[i]) === 0)) return;
              score += fit;
            }
            count++;
            var alike = kept.get(score);
            if (!alike) kept.set(score, alike = []);
            if (alike.length < MOST) alike.push({ atlas: atlas, shard: shard, layer: layer[0], row: row, shown: shown });
          });
        });
      });
    });
    var scores = Array.from(kept.keys()).sort(function (a, b) { return b - a; });
    var others = [].concat.apply([], scores.map(function (score) { return kept.get(score); }));
    return { exact: best(exact).map(unit), others: others, count: exact.length + count };
  }
  function unit(found) {
    var row = found.row, names = found.shard.names, number = row[0], folder = found.atlas.name + "/" + found.layer + "/";
    var last = row.length - 2, called = last > 0 && row[last + 1] < 0 ? " “" + names[row[last]] + "”" : "", why = "";
    if (row.length > 2) {  // the name that was found, or else the first
      var shown = Math.max(found.shown, 2), many = row[shown + 1];
      why = names[row[shown]] + (many < 0 ? ", the authors' name" : many > 9 ? ", its name" : many ? " " + many + " of 9" : ", a concept") + " · ";
    }
    return { title: found.layer + "/" + number + called, about: why + found.atlas.name, address: folder + number + ".html", picture: row[1] ? folder + found.atlas.plates + number + ".webp" : "" };
  }
  function best(found) { return found.sort(function (a, b) { return b.score - a.score; }); }

  // first the unit whose address was typed, then pages, then units
  function find(text) {
    var words = plain(text).replace(/\s*\/\s*/g, "/").split(/[\s,;]+/).filter(Boolean), fits = words.map(fitting);
    if (!words.length) return { shown: [], count: 0, forgiven: [] };
    var pages = pagesFor(fits), units = unitsFor(fits);
    var shown = units.exact.concat(pages.slice(0, PAGES), units.others.slice(0, MOST).map(unit), pages.slice(PAGES));
    return { shown: shown.slice(0, MOST), count: units.count + pages.length, forgiven: fits.filter(function (fit) { return fit.forgiven.length; }) };
  }

  function told(text, found) {
    if (!text.trim()) return "An address such as conv3/117 leads straight to a unit.";
    var forgiven = found.forgiven.map(function (fit) { return "No match for “" + fit.typed + "”. Shown is “" + fit.forgiven.slice(0, 3).join("”, “") + "”. "; }).join("");
    if (!found.count) return forgiven + "Nothing found. Try a class, a concept, or an address such as conv3/117.";
    return forgiven + found.count + (found.count > found.shown.length ? " found, the first " + found.shown.length + " shown" : " found");
  }
  function row(one) {
    var picture = one.picture ? [make("span", { "class": "sight" }, make("img", { src: root + one.picture, alt: "", loading: "lazy" }))] : [];
    return make("li", {}, make("a", { href: root + one.address }, picture.concat([make("b", {}, one.title), " ", make("span", {}, one.about)])));
  }

  var dialog = null, show = null;
  function build() {
    var input = make("input", { type: "search", "aria-label": "Search units and pages", placeholder: "conv3/117, dog, wheel …", autocomplete: "off", spellcheck: "false" });
    var list = make("ul", { "class": "results", "aria-label": "Found" }), status = make("p", { "class": "note", role: "status" });
    show = function () {
      if (!index) return;
      var found = find(input.value);
      list.replaceChildren.apply(list, found.shown.map(row));
      status.textContent = told(input.value, found);
    };
    input.addEventListener("input", show);
    input.addEventListener("keydown", function (event) {
      var first = list.querySelector("a");
      if (event.key === "Enter" && first) { event.preventDefault(); location.href = first.href; }
      if (event.key === "Escape") { event.preventDefault(); site.shut(dialog); }
      if (event.key === "ArrowDown" && first) { event.preventDefault(); first.focus(); }
    });
    list.addEventListener("keydown", function (event) {
      var step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
      if (step) {
        event.preventDefault();
        var other = document.activeElement.parentElement[step];
        if (other || step[0] === "p") (other ? other.firstChild : input).focus();
      } else if (event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey) input.focus();  // typing goes on
    });
    dialog = make("dialog", { "class": "search", "aria-label": "Search" }, [input, status, list]);
    site.closable(dialog);
  }
  site.search = function () {
    if (!dialog) build();
    site.open(dialog);
    dialog.querySelector("input").select();  // typing begins anew
    site.loadAll().then(function () {
      if (!index && site.contents()) index = read();
      show();
    });
  };
})();
