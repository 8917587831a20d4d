// The page on which the network runs: the picture, what the network makes of it, and the chosen unit.
/* global liveEngine, liveHost, livePictures */
(function () {
  "use strict";
  const place = document.getElementById("live");
  if (!place) return;
  const $ = (id) => document.getElementById(id);
  const TOP = 6;                       // units shown of a layer
  const BOARD = 512, UNDO = 30;
  const COLOURS = ["#1d1b18", "#ffffff", "#8a8378", "#c8321e", "#e88a1a", "#f2cf3a", "#3c9a4a", "#2b6cc4", "#7a3fa0", "#f0b8a0", "#7a4a26", "#2aa7b0"];
  let said = null, samples = [], parts = [], ask = null, number = 0, busy = false, again = false, healthy = false;
  let source = "board", stimulus = null, sent = null, chosen = null, last = null, stream = null, frames = [];

  const say = (text) => { $("live-said").textContent = text; };
  function make(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value !== null && value !== false) made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child !== ""));
    return made;
  }

  // ---- loading: scripts hand their contents over ----

  window.atlasLive = {
    network(found) { said = found; },
    part(at, text) { parts[at] = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)); },
    pictures(found) { samples = found; },
  };
  const script = (file) => new Promise((done, failed) => {
    document.head.append(make("script", { src: file, onload: done, onerror: () => failed(new Error(`${file} can't be loaded`)) }));
  });

  async function load() {
    await script("live/network.js");
    await Promise.all(Array.from({ length: said.parts }, (_, i) => script(`live/weights-${i}.js`)));
    if ($("live-samples")) await script("live/pictures.js").catch(() => {});
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    parts.reduce((at, part) => { bytes.set(part, at); return at + part.length; }, 0);
    parts = [];
    const kernel = Uint8Array.from(atob(said.kernel), (c) => c.charCodeAt(0));
    await begin({ kind: "load", program: said.program, half: said.half, bytes: bytes.buffer, kernel });
  }

  // a worker made of the engine's own source; where the browser won't, the page itself runs it in slices
  function begin(message) {
    return new Promise((ready) => {
      const hear = (answer) => { if (answer.kind === "loaded") { fast = answer.fast; ready(); } else heard(answer); };
      const here = () => {
        const handle = liveHost(hear);
        ask = handle;
        where = "page";
        handle(message);
      };
      let worker = null;
      try {
        const text = `"use strict";${liveEngine}\n${liveHost}\nconst handle = liveHost((m) => postMessage(m));onmessage = (e) => handle(e.data);`;
        worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
      } catch (error) { here(); return; }
      worker.onerror = (event) => { event.preventDefault(); worker.terminate(); here(); };
      worker.onmessage = (event) => hear(event.data);
      where = "worker";
      ask = (m) => worker.postMessage(m);
      ask(message);
    });
  }
  let fast = false, where = "";

  // ---- the golden input: does this page compute what the network computes? ----

  let proof = null;
  const asked = (input, want) => new Promise((done) => { proof = done; ask({ kind: "run", number: ++number, input, chosen: want }); });
  async function prove() {
    const [height, width] = said.input.crop, golden = said.golden;
    const input = livePictures.input(livePictures.golden(height, width, said.input.mean.length), said.input);
    const end = golden.length - 1;
    const answer = await asked(input, { layer: end, unit: golden[end].unit });
    let worst = 0;
    golden.forEach((one, i) => {
      const found = answer.found[i], largest = Math.max(Math.abs(one.value), 1e-12);
      worst = Math.max(worst, Math.abs(found.value[one.unit] - one.value) / largest);
    });
    const back = answer.reconstruction;
    if (back && said.energy) {
      const energy = Math.sqrt(back.reduce((sum, x) => sum + x * x, 0) / back.length);
      worst = Math.max(worst, Math.abs(energy - said.energy) / said.energy);
    }
    place.dataset.difference = worst;
    if (!(worst <= 0.02)) throw new Error(`this browser computes other numbers than the network (${(100 * worst).toFixed(1)} % apart), so nothing is shown`);
    return worst;
  }

  // ---- the picture ----

  const board = $("live-board"), pen = board.getContext("2d", { willReadFrequently: true });
  let tool = "brush", colour = COLOURS[0], history = [], drawing = null, cursor = [BOARD / 2, BOARD / 2];
  function blank() { pen.fillStyle = "#ffffff"; pen.fillRect(0, 0, BOARD, BOARD); }
  function keep() { history.push(pen.getImageData(0, 0, BOARD, BOARD)); if (history.length > UNDO) history.shift(); }
  const at = (event) => {
    const box = board.getBoundingClientRect();
    return [((event.clientX - box.left) * BOARD) / box.width, ((event.clientY - box.top) * BOARD) / box.height];
  };
  const size = () => Number($("live-width").value);

  function stroke(from, to) {
    pen.strokeStyle = tool === "erase" ? "#ffffff" : colour;
    pen.lineWidth = size(); pen.lineCap = pen.lineJoin = "round";
    pen.beginPath(); pen.moveTo(...from); pen.lineTo(to[0] + 0.01, to[1]); pen.stroke();
  }
  function fill([x, y]) {
    const all = pen.getImageData(0, 0, BOARD, BOARD), data = new Uint32Array(all.data.buffer);
    const rgb = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
    const wanted = new Uint32Array(new Uint8Array([...rgb, 255]).buffer)[0];
    const start = Math.floor(y) * BOARD + Math.floor(x), old = data[start];
    if (old === wanted) return;
    const near = (a) => { for (let s = 0; s < 24; s += 8) if (Math.abs(((a >> s) & 255) - ((old >> s) & 255)) > 40) return false; return true; };
    const waiting = [start];
    while (waiting.length) {
      const p = waiting.pop();
      if (data[p] === wanted || !near(data[p])) continue;
      data[p] = wanted;
      const column = p % BOARD;
      if (column > 0) waiting.push(p - 1);
      if (column < BOARD - 1) waiting.push(p + 1);
      if (p >= BOARD) waiting.push(p - BOARD);
      if (p < BOARD * (BOARD - 1)) waiting.push(p + BOARD);
    }
    pen.putImageData(all, 0, 0);
  }
  const circle = (x, y, r, from = 0, to = 2 * Math.PI) => { pen.beginPath(); pen.arc(x, y, r, from, to); };
  const STAMPS = {
    eye(x, y, r) { pen.fillStyle = "#ffffff"; circle(x, y, r); pen.fill(); pen.strokeStyle = "#1d1b18"; pen.lineWidth = r / 6; pen.stroke(); pen.fillStyle = "#1d1b18"; circle(x, y, r / 2.2); pen.fill(); },
    mouth(x, y, r) { pen.strokeStyle = colour; pen.lineWidth = r / 3; pen.lineCap = "round"; circle(x, y - r / 2, r, 0.15 * Math.PI, 0.85 * Math.PI); pen.stroke(); },
    wheel(x, y, r) { pen.strokeStyle = colour; pen.lineWidth = r / 6; circle(x, y, r); pen.stroke(); pen.lineWidth = r / 14; for (let i = 0; i < 8; i++) { pen.beginPath(); pen.moveTo(x, y); pen.lineTo(x + r * Math.cos((i * Math.PI) / 4), y + r * Math.sin((i * Math.PI) / 4)); pen.stroke(); } },
    ring(x, y, r) { pen.strokeStyle = colour; pen.lineWidth = r / 4; circle(x, y, r); pen.stroke(); },
    petals(x, y, r) { pen.fillStyle = colour; for (let i = 0; i < 6; i++) { circle(x + r * Math.cos((i * Math.PI) / 3), y + r * Math.sin((i * Math.PI) / 3), r / 1.7); pen.fill(); } pen.fillStyle = "#f2cf3a"; circle(x, y, r / 1.6); pen.fill(); },
    bar(x, y, r) { pen.fillStyle = colour; pen.fillRect(x - 2 * r, y - r / 4, 4 * r, r / 2); },
  };
  function press(point) {
    use("board");
    keep();
    const stamp = $("live-stamp").value;
    if (tool === "fill") fill(point);
    else if (stamp && tool === "brush") STAMPS[stamp](point[0], point[1], size() * 1.5);
    else { stroke(point, point); drawing = point; }
    changed();
  }
  board.addEventListener("pointerdown", (event) => { event.preventDefault(); board.setPointerCapture(event.pointerId); board.focus({ preventScroll: true }); press(at(event)); });
  board.addEventListener("pointermove", (event) => { if (drawing) { const to = at(event); stroke(drawing, to); drawing = to; changed(); } });
  ["pointerup", "pointercancel"].forEach((name) => board.addEventListener(name, () => { drawing = null; }));
  board.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (step) {
      const next = cursor.map((v, i) => Math.min(BOARD - 1, Math.max(0, v + step[i] * 16)));
      if (event.shiftKey) { use("board"); stroke(cursor, next); changed(); }
      cursor = next;
      say(`At ${Math.round(cursor[0] / 5.12)} % across, ${Math.round(cursor[1] / 5.12)} % down; space draws, Shift and an arrow draw a line.`);
    } else if (event.key === " ") { press(cursor); drawing = null; } else return;
    event.preventDefault(); event.stopPropagation();
  });

  const sheet = document.createElement("canvas"), sheetPen = sheet.getContext("2d", { willReadFrequently: true });
  function levelsOf(drawable, width, height) {  // what the network would see of any picture
    sheet.width = width; sheet.height = height;
    sheetPen.fillStyle = "#ffffff"; sheetPen.fillRect(0, 0, width, height);
    sheetPen.drawImage(drawable, 0, 0, width, height);
    return livePictures.stimulus(sheetPen.getImageData(0, 0, width, height).data, height, width, said.input);
  }
  function fromBoard() {               // the board is what is cut out, so that nothing drawn is lost
    const [height, width] = said.input.crop;
    const levels = pen.getImageData(0, 0, BOARD, BOARD).data;
    return livePictures.stimulus(levels, BOARD, BOARD, { ...said.input, resize: Math.max(height, width) });
  }

  async function showFile(file) {
    if (!file) return;
    let picture;
    try { picture = await createImageBitmap(file); } catch (error) { say(`${file.name} can't be read as a picture.`); return; }
    const most = 2048, scale = Math.min(1, most / Math.max(picture.width, picture.height));
    const width = Math.max(1, Math.round(picture.width * scale)), height = Math.max(1, Math.round(picture.height * scale));
    use("photograph");
    stimulus = levelsOf(picture, width, height);
    onBoard();
    changed();
  }
  function onBoard() {                 // the stimulus on the board, to be drawn on
    const [height, width] = said.input.crop;
    sheet.width = width; sheet.height = height;
    sheetPen.putImageData(new ImageData(livePictures.drawn(stimulus, said.input.mean.length), width, height), 0, 0);
    keep();
    pen.imageSmoothingEnabled = true;
    pen.drawImage(sheet, 0, 0, BOARD, BOARD);
  }
  function showSample(i) {
    const picture = new Image();
    picture.onload = () => {
      use("photograph");
      const [height, width] = said.input.crop;
      sheet.width = width; sheet.height = height;
      sheetPen.drawImage(picture, 0, 0, width, height);
      stimulus = livePictures.stimulus(sheetPen.getImageData(0, 0, width, height).data, height, width, { ...said.input, resize: null });
      onBoard();
      changed();
    };
    picture.src = samples[i];
  }

  // ---- the camera: asked for on a click, off when the page is hidden ----

  const film = document.createElement("video");
  film.muted = true; film.playsInline = true;
  async function camera() {
    if (stream) { stop(); return; }
    if (!navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) { say("This browser gives no camera to a page that comes from a file; over https it may."); return; }
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
    } catch (error) { say(`No camera: ${error.name === "NotAllowedError" ? "it was not allowed" : "there is none that can be used"}.`); return; }
    film.srcObject = stream;
    await film.play();
    use("camera");
    look();
  }
  function stop() {
    if (stream) stream.getTracks().forEach((track) => track.stop());
    stream = null;
    film.srcObject = null;
    mark();
  }
  function look() {
    if (!stream) return;
    if (!busy && film.videoWidth) {
      const width = film.videoWidth, height = film.videoHeight;
      sheet.width = width; sheet.height = height;
      sheetPen.setTransform(-1, 0, 0, 1, width, 0);  // mirrored, as people know themselves
      sheetPen.drawImage(film, 0, 0, width, height);
      sheetPen.setTransform(1, 0, 0, 1, 0, 0);
      stimulus = livePictures.stimulus(sheetPen.getImageData(0, 0, width, height).data, height, width, said.input);
      const [rows, columns] = said.input.crop;
      sheet.width = columns; sheet.height = rows;
      sheetPen.putImageData(new ImageData(livePictures.drawn(stimulus, said.input.mean.length), columns, rows), 0, 0);
      pen.drawImage(sheet, 0, 0, BOARD, BOARD);
      changed();
    }
    requestAnimationFrame(look);
  }
  document.addEventListener("visibilitychange", () => { if (document.hidden) stop(); });

  function use(what) {
    if (what !== "camera" && stream) stop();
    source = what;
    if (what === "board") stimulus = null;
    mark();
  }
  function mark() {
    place.querySelectorAll("[data-source]").forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.source === (stream ? "camera" : source === "camera" ? "board" : source))));
    place.querySelectorAll("[data-tool]").forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.tool === tool)));
  }

  // ---- running ----

  function changed() {
    if (!healthy) return;
    if (busy) { again = true; return; }
    busy = true;
    place.dataset.busy = "yes";
    if (source === "board" || !stimulus) stimulus = fromBoard();
    sent = stimulus;                   // what the answer will be about; the board may go on
    const input = livePictures.input(sent, said.input);
    ask({ kind: "run", number: ++number, input, chosen: chosen && { layer: chosen.layer, unit: chosen.unit } });
  }
  function heard(answer) {
    if (proof) { const done = proof; proof = null; done(answer); return; }
    if (answer.number !== number) return;
    busy = false;
    last = answer;
    frames.push(performance.now());
    frames = frames.filter((t) => t > performance.now() - 1000);
    show(answer);
    if (again) { again = false; changed(); } else place.dataset.busy = "no";
  }

  const bits = new Float32Array(1), word = new Int32Array(bits.buffer);
  const levelOf = (value) => { if (!(value > 0)) return 0; bits[0] = value; return Math.min(384, Math.max(1, (word[0] >> 20) - 823)); };
  function percentile(unit, value) {   // the share of the atlas's images that excite the unit less
    const [, , , first, counts] = unit, level = levelOf(value);
    if (!level) return 0;
    let above = 0;
    for (let i = Math.max(0, level - first); i < counts.length; i++) above += counts[i] * (i === level - first ? 0.5 : 1);
    return 1 - above / said.images;
  }
  const percent = (share) => (share >= 0.9995 ? "record" : `${(100 * share).toFixed(share > 0.99 ? 1 : 0)} %`);

  const rows = [];
  function lay() {
    said.layers.forEach((layer, i) => {
      const list = make("div", { class: "row" }), row = { cells: [], list };
      for (let k = 0; k < TOP; k++) {
        const image = make("img", { alt: "", width: 96, height: 48 }), name = make("b", {}), fact = make("span", {});
        const cell = make("button", { type: "button", onclick: () => choose(i, Number(cell.dataset.unit)) }, image, name, " ", fact);
        cell.hidden = true;
        row.cells.push({ cell, image, name, fact, file: "" });
        list.append(cell);
      }
      rows[i] = row;
    });
    const box = $("live-layers");
    said.layers.map((layer, i) => i).reverse().forEach((i) => {
      box.append(make("h3", {}, make("a", { href: `${said.layers[i].id}/index.html` }, said.layers[i].id)), rows[i].list);
    });
  }
  function show(answer) {
    said.layers.forEach((layer, i) => {
      const ranked = standing(answer, i);
      rows[i].cells.forEach((cell, k) => {
        const one = ranked[k];
        cell.cell.hidden = !one;
        if (!one) return;
        const file = one.unit[2];
        if (cell.file !== file) { cell.file = file; if (file) cell.image.src = file; else cell.image.removeAttribute("src"); }
        cell.cell.dataset.unit = one.unit[0];
        cell.name.textContent = `${layer.id}/${one.unit[0]}`;
        cell.fact.textContent = [one.unit[1], percent(one.share)].filter(Boolean).join(" · ");
        cell.cell.setAttribute("aria-pressed", String(Boolean(chosen && chosen.layer === i && chosen.unit === one.unit[0])));
      });
    });
    const speed = frames.length > 3 ? `, ${frames.length} a second` : "";
    place.dataset.took = answer.took;
    say(`${answer.took.toFixed(0)} ms a picture${speed} (${fast ? "compiled kernel" : "plain JavaScript"}, ${where === "worker" ? "in a worker" : "in the page"}). Checked against the network: ${(100 * place.dataset.difference).toPrecision(2)} % apart at most.`);
    scores(answer.scores);
    if (!chosen) suggest(answer);
    if (chosen) one(answer);
  }
  function standing(answer, i) {   // the units of a layer that stand out most, against their own records
    const value = answer.found[i].value;
    return said.layers[i].units.map((unit) => ({ unit, value: value[unit[0]], share: percentile(unit, value[unit[0]]) }))
      .filter((one) => one.value > 0)
      .sort((a, b) => b.share - a.share || b.value / top(b.unit) - a.value / top(a.unit)).slice(0, TOP);
  }
  function suggest(answer) {   // nobody has chosen yet: with what stands out most in the deepest layer below the scores
    const layer = Math.max(0, said.layers.length - (answer.scores ? 2 : 1)), [first] = standing(answer, layer);
    if (!first) return;
    chosen = { layer, unit: first.unit[0] };
    again = true;
  }
  const top = (unit) => 2 ** ((unit[3] + unit[4].length) / 8) || 1;

  function scores(values) {
    const box = $("live-scores");
    if (!values || !said.classes.length) { box.hidden = true; return; }
    const most = Math.max(...values), weights = Array.from(values, (v) => Math.exp(v - most)), sum = weights.reduce((a, b) => a + b, 0);
    const best = weights.map((w, i) => [w / sum, said.classes[i]]).sort((a, b) => b[0] - a[0]).slice(0, 4);
    box.replaceChildren(make("h3", {}, "What the network says"), ...best.map(([share, name]) => {
      const bar = make("meter", { min: 0, max: 1, value: share });
      return make("p", {}, make("span", {}, name), bar, make("span", {}, `${(100 * share).toFixed(0)} %`));
    }));
  }

  // ---- the chosen unit ----

  function choose(layer, unit) {
    chosen = { layer, unit };
    const hash = `#${said.layers[layer].id}/${unit}`;
    if (location.hash !== hash) history_(hash);
    again = false;
    if (busy) again = true; else changed();
  }
  function history_(hash) { try { window.history.replaceState(null, "", hash); } catch (error) { location.hash = hash; } }
  function fromAddress() {
    const found = /^#(.+)\/(\d+)$/.exec(decodeURIComponent(location.hash));
    if (!found) return false;
    const layer = said.layers.findIndex((one) => one.id === found[1]);
    if (layer < 0 || !said.layers[layer].units.some((unit) => unit[0] === Number(found[2]))) return false;
    chosen = { layer, unit: Number(found[2]) };
    return true;
  }

  function one(answer) {
    const layer = said.layers[chosen.layer], unit = layer.units.find((u) => u[0] === chosen.unit);
    const value = answer.found[chosen.layer].value[chosen.unit], share = percentile(unit, value);
    $("live-title").replaceChildren(make("a", { href: `${layer.id}/${chosen.unit}.html` }, `${layer.id}/${chosen.unit}`), unit[1] ? ` · ${unit[1]}` : "");
    place.dataset.value = value; place.dataset.share = share;
    $("live-facts").textContent = value > 0
      ? `Activation ${value.toPrecision(3)}: more than in ${percent(share) === "record" ? "all" : percent(share)} of the atlas's images.`
      : "Not active anywhere in this picture.";
    if (!answer.map) return;
    const [height, width] = said.input.crop, channels = said.input.mean.length;
    const [rowsOf, columnsOf] = answer.mapShape, peak = answer.found[chosen.layer].place[chosen.unit];
    const seen = livePictures.drawn(sent, channels), strength = new Float32Array(height * width);
    for (let r = 0, p = 0; r < height; r++) for (let q = 0; q < width; q++, p++) {
      const y = (r - layer.offset[0] - layer.size[0] / 2) / layer.stride[0], x = (q - layer.offset[1] - layer.size[1] / 2) / layer.stride[1];
      strength[p] = rowsOf * columnsOf === 1 ? 1 : Math.max(0, between(answer.map, rowsOf, columnsOf, y, x)) / Math.max(value, 1e-12);
      const k = value > 0 ? 0.25 + 0.75 * Math.min(1, strength[p]) : 0.25;
      for (let c = 0; c < 3; c++) seen[4 * p + c] *= k;
    }
    const box = [layer.offset[0] + Math.floor(peak / columnsOf) * layer.stride[0], layer.offset[1] + (peak % columnsOf) * layer.stride[1]];
    paint("live-seen", seen, width, height, value > 0 && [box[1], box[0], layer.size[1], layer.size[0]]);
    reconstruction(answer.reconstruction, width, height, channels);
  }
  function between(map, rowsOf, columnsOf, y, x) {
    const clamp = (v, n) => Math.min(n - 1, Math.max(0, v)), top_ = clamp(Math.floor(y), rowsOf), left = clamp(Math.floor(x), columnsOf);
    const bottom = clamp(top_ + 1, rowsOf), right = clamp(left + 1, columnsOf), v = Math.min(1, Math.max(0, y - top_)), u = Math.min(1, Math.max(0, x - left));
    return (1 - v) * ((1 - u) * map[top_ * columnsOf + left] + u * map[top_ * columnsOf + right]) + v * ((1 - u) * map[bottom * columnsOf + left] + u * map[bottom * columnsOf + right]);
  }
  function paint(id, rgba, width, height, box) {
    const canvas = $(id), small = sheet, context = canvas.getContext("2d");
    small.width = width; small.height = height;
    sheetPen.putImageData(new ImageData(rgba, width, height), 0, 0);
    canvas.width = 2 * width; canvas.height = 2 * height;
    context.imageSmoothingEnabled = true;
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
    if (box) { context.strokeStyle = "#f2cf3a"; context.lineWidth = 2; context.strokeRect(...box.map((v) => 2 * v)); }
  }
  function reconstruction(found, width, height, channels) {
    const size = width * height, grey = new Uint8ClampedArray(4 * size).fill(128), lit = livePictures.drawn(sent, channels);
    for (let i = 3; i < grey.length; i += 4) grey[i] = 255;
    const [blur, gain, dark] = said.lamp, light = new Float32Array(size);
    if (found) {
      const shown = new Float32Array(found.length);
      for (let c = 0; c < channels; c++) for (let i = 0; i < size; i++) shown[c * size + i] = found[c * size + i] * said.input.std[c];
      const magnitudes = shown.map(Math.abs).filter((x) => x > 0).sort();
      const most = magnitudes.length ? magnitudes[Math.floor(0.995 * (magnitudes.length - 1))] : 1;
      for (let i = 0; i < size; i++) for (let c = 0; c < 3; c++) {
        const level = Math.min(255, Math.max(0, 128 + (shown[(channels === 1 ? 0 : c) * size + i] * 127) / most));
        grey[4 * i + c] = level;
        light[i] += Math.abs((2 * Math.round(level)) / 255 - 1) / 3;
      }
      soften(light, width, height, blur);
    }
    for (let i = 0; i < size; i++) {
      const k = Math.min(1, dark + (1 - dark) * gain * light[i]);
      for (let c = 0; c < 3; c++) lit[4 * i + c] *= k;
    }
    paint("live-back", grey, width, height);
    paint("live-lit", lit, width, height);
  }
  function soften(values, width, height, share) {
    const along = (length, step, count, jump) => {
      const deviation = share * length, reach = Math.ceil(3 * deviation), line = new Float32Array(length);
      const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-0.5 * ((i - reach) / deviation) ** 2));
      for (let n = 0; n < count; n++) {
        const base = n * jump;
        for (let i = 0; i < length; i++) {
          let sum = 0, all = 0;
          for (let k = -reach; k <= reach; k++) {
            if (i + k < 0 || i + k >= length) continue;
            sum += values[base + (i + k) * step] * weights[k + reach]; all += weights[k + reach];
          }
          line[i] = sum / all;
        }
        for (let i = 0; i < length; i++) values[base + i * step] = line[i];
      }
    };
    along(width, 1, height, width);
    along(height, width, width, 1);
  }

  // ---- controls ----

  COLOURS.forEach((one, i) => $("live-colours").append(make("button", { type: "button", class: "swatch", "aria-label": `Colour ${i + 1}`, "data-colour": one, "aria-pressed": String(!i), onclick: (event) => {
    colour = one;
    if (tool === "erase") tool = "brush";
    place.querySelectorAll(".swatch").forEach((s) => s.setAttribute("aria-pressed", String(s === event.currentTarget)));
    mark();
  } }, make("canvas", { width: 1, height: 1, "aria-hidden": "true" }))));
  place.querySelectorAll(".swatch").forEach((s) => { const context = s.firstChild.getContext("2d"); context.fillStyle = s.dataset.colour; context.fillRect(0, 0, 1, 1); });
  place.querySelectorAll("[data-tool]").forEach((one) => one.addEventListener("click", () => { tool = one.dataset.tool; mark(); }));
  place.querySelector("[data-act=undo]").addEventListener("click", () => { const before = history.pop(); if (before) { use("board"); pen.putImageData(before, 0, 0); changed(); } });
  place.querySelector("[data-act=clear]").addEventListener("click", () => { use("board"); keep(); blank(); changed(); });
  place.querySelector("[data-source=board]").addEventListener("click", () => { use("board"); changed(); });
  place.querySelector("[data-source=camera]").addEventListener("click", camera);
  $("live-file").addEventListener("change", (event) => { showFile(event.target.files[0]); event.target.value = ""; });
  window.addEventListener("paste", (event) => { const file = Array.from(event.clipboardData ? event.clipboardData.files : [])[0]; if (file) { event.preventDefault(); showFile(file); } });
  place.addEventListener("dragover", (event) => event.preventDefault());
  place.addEventListener("drop", (event) => { event.preventDefault(); showFile(event.dataTransfer.files[0]); });
  window.addEventListener("hashchange", () => { if (said && fromAddress()) changed(); });

  blank();
  load().then(prove).then(() => {
    healthy = true;
    lay();
    fromAddress();
    const box = $("live-samples");
    if (box) samples.forEach((source_, i) => box.append(make("button", { type: "button", "aria-label": said.pictures[i] || `Image ${i + 1}`, onclick: () => showSample(i) }, make("img", { src: source_, alt: "", width: 56, height: 56 }))));
    place.dataset.ready = "yes";
    if (samples.length) showSample(0); else changed();
  }).catch((error) => { say(`The network can't run here: ${error.message}.`); place.dataset.ready = "no"; });
})();
