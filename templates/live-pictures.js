// Pictures as the network sees them: Pillow's resizing and torchvision's centre crop, to the level.
"use strict";
// eslint-disable-next-line no-unused-vars
const livePictures = (function () {
  const FILTERS = {
    bilinear: [1, (x) => (x < 0 ? -x : x) < 1 ? 1 - Math.abs(x) : 0],
    bicubic: [2, (x) => {
      const a = -0.5, t = Math.abs(x);
      if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
      return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
    }],
    lanczos: [3, (x) => {
      const sinc = (t) => (t === 0 ? 1 : Math.sin(t * Math.PI) / (t * Math.PI));
      return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
    }],
  };
  const BITS = 22;

  // for each place of the output: where its window begins, and the window's weights in whole numbers
  function weights(from, to, name) {
    const [support, filter] = FILTERS[name], scale = from / to, stretch = Math.max(scale, 1), reach = support * stretch;
    return Array.from({ length: to }, (_, place) => {
      const centre = (place + 0.5) * scale;
      const first = Math.max(0, Math.trunc(centre - reach + 0.5)), end = Math.min(from, Math.trunc(centre + reach + 0.5));
      const own = [];
      let sum = 0;
      for (let i = first; i < end; i++) { const w = filter((i - centre + 0.5) / stretch); own.push(w); sum += w; }
      return { first, own: own.map((w) => { const whole = (w / sum) * 2 ** BITS; return Math.trunc(whole + (whole < 0 ? -0.5 : 0.5)); }) };
    });
  }

  // one axis of [rows, columns, channels] levels, by its number of steps before, along and after
  function along(levels, outer, from, inner, to, name) {
    const out = new Uint8ClampedArray(outer * to * inner), table = weights(from, to, name), half = 2 ** (BITS - 1);
    for (let o = 0; o < outer; o++) for (let t = 0; t < to; t++) {
      const { first, own } = table[t];
      for (let i = 0; i < inner; i++) {
        let sum = half;
        for (let k = 0, at = (o * from + first) * inner + i; k < own.length; k++, at += inner) sum += levels[at] * own[k];
        out[(o * to + t) * inner + i] = Math.max(0, Math.min(255, Math.floor(sum / 2 ** BITS)));
      }
    }
    return out;
  }

  function nearest(levels, height, width, channels, rows, columns) {
    const out = new Uint8ClampedArray(rows * columns * channels);
    for (let r = 0, at = 0; r < rows; r++) for (let q = 0; q < columns; q++) {
      const from = (Math.floor(((r + 0.5) * height) / rows) * width + Math.floor(((q + 0.5) * width) / columns)) * channels;
      for (let c = 0; c < channels; c++, at++) out[at] = levels[from + c];
    }
    return out;
  }

  function resize(levels, height, width, channels, rows, columns, name) {
    if (rows === height && columns === width) return levels;
    if (name === "nearest") return nearest(levels, height, width, channels, rows, columns);
    const wide = width === columns ? levels : along(levels, height, width, channels, columns, name);
    return height === rows ? wide : along(wide, 1, height, columns * channels, rows, name);
  }

  // RGBA levels of any picture as the network's stimulus: levels [height, width, channels]
  function stimulus(rgba, height, width, how) {
    const channels = how.mode === "L" ? 1 : 3, [cropHeight, cropWidth] = how.crop;
    let levels = new Uint8ClampedArray(height * width * channels);
    for (let i = 0, at = 0; i < height * width; i++, at += 4) {
      if (channels === 1) levels[i] = (rgba[at] * 19595 + rgba[at + 1] * 38470 + rgba[at + 2] * 7471 + 0x8000) >> 16;
      else { levels[3 * i] = rgba[at]; levels[3 * i + 1] = rgba[at + 1]; levels[3 * i + 2] = rgba[at + 2]; }
    }
    if (how.resize !== null) {
      const shorter = Math.min(height, width), longer = Math.trunc((how.resize * Math.max(height, width)) / shorter);
      const rows = height <= width ? how.resize : longer, columns = height <= width ? longer : how.resize;
      levels = resize(levels, height, width, channels, rows, columns, how.interpolation);
      height = rows; width = columns;
    }
    const even = (x) => { const low = Math.floor(x); return x - low === 0.5 ? low + (low % 2) : Math.round(x); };
    const top = height >= cropHeight ? even((height - cropHeight) / 2) : -Math.trunc((cropHeight - height) / 2);
    const left = width >= cropWidth ? even((width - cropWidth) / 2) : -Math.trunc((cropWidth - width) / 2);
    const out = new Uint8ClampedArray(cropHeight * cropWidth * channels);
    for (let r = 0; r < cropHeight; r++) for (let q = 0; q < cropWidth; q++) {
      const row = r + top, column = q + left;
      if (row < 0 || row >= height || column < 0 || column >= width) continue;
      for (let c = 0; c < channels; c++) out[(r * cropWidth + q) * channels + c] = levels[(row * width + column) * channels + c];
    }
    return out;
  }

  // a stimulus as the network's input: channels, rows, columns
  function input(levels, how) {
    const channels = how.mean.length, size = how.crop[0] * how.crop[1], out = new Float32Array(channels * size);
    for (let c = 0; c < channels; c++) for (let i = 0; i < size; i++) {
      out[c * size + i] = (levels[i * channels + c] / 255 - how.mean[c]) / how.std[c];
    }
    return out;
  }

  // the golden input, as atlas.live.golden makes it
  function golden(height, width, channels) {
    const levels = new Uint8ClampedArray(height * width * channels);
    for (let r = 0, at = 0; r < height; r++) for (let q = 0; q < width; q++) for (let c = 0; c < channels; c++, at++) {
      levels[at] = (r * 37 + q * 91 + c * 53 + ((r * q) >> 4) * 29) & 255;
    }
    return levels;
  }

  // a stimulus as RGBA, to be drawn
  function drawn(levels, channels) {
    const size = levels.length / channels, rgba = new Uint8ClampedArray(size * 4);
    for (let i = 0; i < size; i++) {
      for (let c = 0; c < 3; c++) rgba[4 * i + c] = levels[i * channels + (channels === 1 ? 0 : c)];
      rgba[4 * i + 3] = 255;
    }
    return rgba;
  }

  return { resize, stimulus, input, golden, drawn };
})();
if (typeof module !== "undefined") module.exports = { livePictures };
