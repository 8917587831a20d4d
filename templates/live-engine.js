// A convolutional network in plain JavaScript: the forward pass, and one activation projected back to
// pixels (Zeiler & Fergus 2013, section 2.1). Values are Float32Arrays in the order of channels, rows,
// columns. Everything is inside one function, whose source a worker can be made of.
"use strict";
// eslint-disable-next-line no-unused-vars
function liveEngine(kernelBytes) {
  const LANES = 8, ROWS = 4;           // a panel's columns and rows: what the kernel takes at once
  const CHUNK = 1 << 17;               // numbers of a convolution's input that are laid out at once
  const up = (n, by) => Math.ceil(n / by) * by;

  // ---- matrix products: C = A B + bias, A in panels of ROWS rows, B in panels of LANES columns ----

  const memory = kernelBytes && new WebAssembly.Memory({ initial: 64 });
  let product = null, used = 0;

  function floats(count) {             // a place for numbers that stays; in the kernel's memory if there is one
    if (!memory) return new Float32Array(count);
    const at = used, end = at + 4 * up(count, 4);
    if (end > memory.buffer.byteLength) memory.grow(Math.ceil((end - memory.buffer.byteLength) / 65536));
    used = end;
    return { start: at, count };
  }
  const view = (place) => (place.start === undefined ? place : new Float32Array(memory.buffer, place.start, place.count));

  function plainProduct(a, b, c, bias, depth, columns, rows) {
    const A = view(a), B = view(b), C = view(c), bb = view(bias), width = columns * LANES;
    for (let m = 0; m < rows; m++) {
      const from = m * depth * ROWS, out = m * ROWS * width;
      const b0 = bb[m * ROWS], b1 = bb[m * ROWS + 1], b2 = bb[m * ROWS + 2], b3 = bb[m * ROWS + 3];
      for (let n = 0; n < columns; n++) {
        const panel = n * depth * LANES;
        for (let j = 0; j < LANES; j += 2) {
          let c00 = b0, c01 = b0, c10 = b1, c11 = b1, c20 = b2, c21 = b2, c30 = b3, c31 = b3;
          for (let k = 0, x = panel + j, w = from; k < depth; k++, x += LANES, w += ROWS) {
            const x0 = B[x], x1 = B[x + 1], w0 = A[w], w1 = A[w + 1], w2 = A[w + 2], w3 = A[w + 3];
            c00 += w0 * x0; c01 += w0 * x1; c10 += w1 * x0; c11 += w1 * x1;
            c20 += w2 * x0; c21 += w2 * x1; c30 += w3 * x0; c31 += w3 * x1;
          }
          const at = out + n * LANES + j;
          C[at] = c00; C[at + 1] = c01; C[at + width] = c10; C[at + width + 1] = c11;
          C[at + 2 * width] = c20; C[at + 2 * width + 1] = c21; C[at + 3 * width] = c30; C[at + 3 * width + 1] = c31;
        }
      }
    }
  }

  function multiply(a, b, c, bias, depth, columns, rows) {
    if (product) product(a.start, b.start, c.start, bias.start, depth, columns, rows);
    else plainProduct(a, b, c, bias, depth, columns, rows);
  }

  if (memory) {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(kernelBytes), { env: { memory } });
    product = instance.exports.product;
  }

  // rows of a matrix as panels; row(r) gives [array, offset, step] of its numbers
  function panels(rows, depth, number) {
    const place = floats(up(rows, ROWS) * depth), out = view(place);
    for (let r = 0; r < rows; r++) {
      const at = (r - (r % ROWS)) * depth + (r % ROWS);
      for (let k = 0; k < depth; k++) out[at + k * ROWS] = number(r, k);
    }
    return place;
  }

  const scratch = {};                  // places that steps share
  function room(name, count) {
    if (!scratch[name] || view(scratch[name]).length < count) scratch[name] = floats(count);
    return scratch[name];
  }

  // ---- the steps: forward, and back ----

  const FUNCTIONS = {
    relu: () => (x) => (x > 0 ? x : 0),
    relu6: () => (x) => Math.min(Math.max(x, 0), 6),
    silu: () => (x) => x / (1 + Math.exp(-x)),
    sigmoid: () => (x) => 1 / (1 + Math.exp(-x)),
    hardswish: () => (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
    hardsigmoid: () => (x) => Math.min(Math.max(x + 3, 0), 6) / 6,
    tanh: () => Math.tanh,
    leaky_relu: (slope) => (x) => (x > 0 ? x : slope * x),
    hardtanh: (low, high) => (x) => Math.min(Math.max(x, low), high),
  };

  // lays a block of output positions' inputs out in panels: [positions / LANES][depth][LANES]
  function layOut(step, x, shape, group, first, count, out) {
    const [, height, width] = shape, [, , columns] = step.shape;
    const [kh, kw] = step.kernel, [sy, sx] = step.stride, [py, px] = step.before, [dy, dx] = step.dilation;
    const own = shape[0] / step.groups, depth = own * kh * kw;
    for (let p = 0; p < up(count, LANES); p++) {
      let at = (p - (p % LANES)) * depth + (p % LANES);
      if (p >= count) {
        for (let k = 0; k < depth; k++, at += LANES) out[at] = 0;
        continue;
      }
      const top = Math.floor((first + p) / columns) * sy - py, left = ((first + p) % columns) * sx - px;
      const inside = top >= 0 && left >= 0 && top + dy * (kh - 1) < height && left + dx * (kw - 1) < width;
      let plane = group * own * height * width;
      for (let c = 0; c < own; c++, plane += height * width) {
        for (let i = 0; i < kh; i++) {
          const row = top + i * dy, from = plane + row * width + left;
          if (inside) {
            for (let j = 0; j < kw; j++, at += LANES) out[at] = x[from + j * dx];
          } else {
            const there = row >= 0 && row < height;
            for (let j = 0; j < kw; j++, at += LANES) {
              const column = left + j * dx;
              out[at] = there && column >= 0 && column < width ? x[from + j * dx] : 0;
            }
          }
        }
      }
    }
  }

  function depthwise(step, x, shape, weight, bias, y) {
    const [, height, width] = shape, [channels, rows, columns] = step.shape;
    const [kh, kw] = step.kernel, [sy, sx] = step.stride, [py, px] = step.before, [dy, dx] = step.dilation;
    for (let c = 0, at = 0; c < channels; c++) {
      const plane = c * height * width;
      for (let r = 0; r < rows; r++) {
        for (let q = 0; q < columns; q++, at++) {
          let sum = bias[c];
          for (let i = 0; i < kh; i++) {
            const row = r * sy - py + i * dy;
            if (row < 0 || row >= height) continue;
            for (let j = 0; j < kw; j++) {
              const column = q * sx - px + j * dx;
              if (column >= 0 && column < width) sum += weight[(c * kh + i) * kw + j] * x[plane + row * width + column];
            }
          }
          y[at] = sum;
        }
      }
    }
  }

  function convolution(step, x, shape, y) {
    if (step.depthwise) return depthwise(step, x, shape, step.weights, step.biases, y);
    const [channels, rows, columns] = step.shape, positions = rows * columns;
    const own = channels / step.groups, tall = up(own, ROWS);
    const depth = (shape[0] / step.groups) * step.kernel[0] * step.kernel[1];
    const most = Math.max(LANES, Math.floor(CHUNK / depth / LANES) * LANES);
    for (let group = 0; group < step.groups; group++) {
      for (let first = 0; first < positions; first += most) {
        const count = Math.min(most, positions - first), wide = up(count, LANES);
        const laid = room("laid", wide * depth), out = room("out", tall * wide);
        layOut(step, x, shape, group, first, count, view(laid));
        multiply(step.forward[group], laid, out, step.offsets[group], depth, wide / LANES, tall / ROWS);
        const got = view(out);
        for (let c = 0; c < own; c++) {
          y.set(got.subarray(c * wide, c * wide + count), (group * own + c) * positions + first);
        }
      }
    }
  }

  function maxima(step, x, shape, y) {
    const [channels, rows, columns] = step.shape, [, height, width] = shape;
    const [kh, kw] = step.kernel, [sy, sx] = step.stride, [py, px] = step.before, [dy, dx] = step.dilation;
    const switches = step.switches;
    for (let c = 0, at = 0; c < channels; c++) {
      const plane = c * height * width;
      for (let r = 0; r < rows; r++) {
        for (let q = 0; q < columns; q++, at++) {
          let best = -Infinity, where = -1;
          for (let i = 0; i < kh; i++) {
            const row = r * sy - py + i * dy;
            if (row < 0 || row >= height) continue;
            for (let j = 0; j < kw; j++) {
              const column = q * sx - px + j * dx;
              if (column < 0 || column >= width) continue;
              const from = plane + row * width + column;
              if (x[from] > best || where < 0) { best = x[from]; where = from; }
            }
          }
          y[at] = best;
          switches[at] = where;
        }
      }
    }
  }

  // the windows of a mean, and what each divides by: calls each(position, firstRow, endRow, firstColumn, endColumn, divisor)
  function windows(step, shape, each) {
    const [, rows, columns] = step.shape, [, height, width] = shape;
    for (let r = 0; r < rows; r++) {
      for (let q = 0; q < columns; q++) {
        let top, bottom, left, right, divisor;
        if (step.kind === "adaptive") {
          top = Math.floor((r * height) / rows); bottom = Math.ceil(((r + 1) * height) / rows);
          left = Math.floor((q * width) / columns); right = Math.ceil(((q + 1) * width) / columns);
          divisor = (bottom - top) * (right - left);
        } else {
          top = r * step.stride[0] - step.before[0]; bottom = top + step.kernel[0];
          left = q * step.stride[1] - step.before[1]; right = left + step.kernel[1];
          const whole = (bottom - top) * (right - left);
          top = Math.max(top, 0); left = Math.max(left, 0);
          bottom = Math.min(bottom, height); right = Math.min(right, width);
          const counts = step.numbers[0];
          divisor = counts > 0 ? counts : counts < 0 ? whole : (bottom - top) * (right - left);
        }
        each(r * columns + q, top, bottom, left, right, divisor);
      }
    }
  }

  function means(step, x, shape, y) {
    const [channels, rows, columns] = step.shape, [, height, width] = shape;
    windows(step, shape, (position, top, bottom, left, right, divisor) => {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let row = top; row < bottom; row++) {
          for (let column = left; column < right; column++) sum += x[(c * height + row) * width + column];
        }
        y[c * rows * columns + position] = sum / divisor;
      }
    });
  }

  const FORWARD = {
    conv: (s, [x], y, [shape]) => convolution(s, x, shape, y),
    max: (s, [x], y, [shape]) => maxima(s, x, shape, y),
    average: (s, [x], y, [shape]) => means(s, x, shape, y),
    adaptive: (s, [x], y, [shape]) => means(s, x, shape, y),
    same: (s, [x], y) => y.set(x),
    function: (s, [x], y) => { const f = s.apply; for (let i = 0; i < y.length; i++) y[i] = f(x[i]); },
    sum: (s, [x, z], y) => { for (let i = 0; i < y.length; i++) y[i] = x[i] + z[i]; },
    scale: (s, [x], y) => { for (let i = 0; i < y.length; i++) y[i] = x[i] * s.numbers[0]; },
    affine: (s, [x], y) => {
      const size = y.length / s.shape[0];
      for (let i = 0; i < y.length; i++) { const c = (i / size) | 0; y[i] = x[i] * s.factors[c] + s.biases[c]; }
    },
    gate: (s, [x, z], y) => {
      const each = y.length / z.length;
      for (let i = 0; i < y.length; i++) y[i] = x[i] * z[(i / each) | 0];
    },
    concat: (s, parts, y) => { let at = 0; for (const part of parts) { y.set(part, at); at += part.length; } },
    pad: (s, [x], y, [shape]) => {
      const [channels, height, width] = s.shape, [, h, w] = shape;
      y.fill(0);
      for (let c = 0; c < channels; c++) for (let r = 0; r < height; r++) for (let q = 0; q < width; q++) {
        const row = r - s.before[0], column = q - s.before[1];
        if (row >= 0 && row < h && column >= 0 && column < w) y[(c * height + r) * width + q] = x[(c * h + row) * w + column];
      }
    },
  };

  // Signals on the way down: a window of all channels, { top, left, height, width, data }.
  const whole = (shape) => ({ top: 0, left: 0, height: shape[1], width: shape[2], data: new Float32Array(shape[0] * shape[1] * shape[2]) });

  function bounds(step, shape, s) {    // the rows and columns of the input that a window of outputs looks at
    const one = (axis, at, size) => {
      const reach = step.dilation[axis] * (step.kernel[axis] - 1) + 1;
      const low = at * step.stride[axis] - step.before[axis];
      const high = (at + size - 1) * step.stride[axis] - step.before[axis] + reach;
      return [Math.max(0, low), Math.min(shape[1 + axis], high)];
    };
    const [top, bottom] = one(0, s.top, s.height), [left, right] = one(1, s.left, s.width);
    const height = Math.max(0, bottom - top), width = Math.max(0, right - left);
    return { top, left, height, width, data: new Float32Array(shape[0] * height * width) };
  }

  function convolutionBack(step, s, shape) {
    const below = bounds(step, shape, s), positions = s.height * s.width;
    const [kh, kw] = step.kernel, [sy, sx] = step.stride, [py, px] = step.before, [dy, dx] = step.dilation;
    const own = step.shape[0] / step.groups, inner = shape[0] / step.groups, depth = inner * kh * kw;
    const tall = up(depth, ROWS), lines = Math.max(1, Math.floor(CHUNK / Math.max(own, depth) / s.width));
    const zeros = room("zeros", tall);
    view(zeros).fill(0);
    for (let group = 0; group < step.groups; group++) {
      if (!step.backward[group]) {     // filters turned over, laid out when they are first needed
        const w = step.weights, first = group * own;
        step.backward[group] = panels(depth, own, (k, o) => w[(first + o) * depth + k]);
      }
      for (let line = 0; line < s.height; line += lines) {
        const end = Math.min(line + lines, s.height), first = line * s.width, count = (end - line) * s.width, wide = up(count, LANES);
        const laid = room("laid", wide * own), out = room("out", tall * wide), b = view(laid);
        for (let o = 0; o < own; o++) {
          const from = (group * own + o) * positions + first;
          for (let p = 0; p < wide; p++) b[(p - (p % LANES)) * own + o * LANES + (p % LANES)] = p < count ? s.data[from + p] : 0;
        }
        multiply(step.backward[group], laid, out, zeros, own, wide / LANES, tall / ROWS);
        const got = view(out), data = below.data;
        for (let c = 0, k = 0; c < inner; c++) {
          const plane = (group * inner + c) * below.height * below.width;
          for (let i = 0; i < kh; i++) for (let j = 0; j < kw; j++, k++) {
            const column = s.left * sx - px + j * dx - below.left;
            const left = Math.max(0, Math.ceil(-column / sx)), right = Math.min(s.width, Math.ceil((below.width - column) / sx));
            for (let y = line; y < end; y++) {
              const row = (s.top + y) * sy - py + i * dy - below.top;
              if (row < 0 || row >= below.height) continue;
              const to = plane + row * below.width + column, from = k * wide + (y - line) * s.width;
              for (let x = left; x < right; x++) data[to + x * sx] += got[from + x];
            }
          }
        }
      }
    }
    return below;
  }

  function maximaBack(step, s, shape) {
    const below = bounds(step, shape, s), [, height, width] = shape, [channels, rows, columns] = step.shape;
    for (let c = 0, from = 0; c < channels; c++) {
      for (let r = 0; r < s.height; r++) for (let q = 0; q < s.width; q++, from++) {
        const value = s.data[from];
        if (!value) continue;
        const place = step.switches[(c * rows + s.top + r) * columns + s.left + q] - c * height * width;
        const row = Math.floor(place / width) - below.top, column = (place % width) - below.left;
        below.data[(c * below.height + row) * below.width + column] += value;
      }
    }
    return below;
  }

  function meansBack(step, s, shape) {
    const below = whole(shape), [channels, , columns] = step.shape, [, height, width] = shape;
    windows(step, shape, (position, top, bottom, left, right, divisor) => {
      const r = Math.floor(position / columns) - s.top, q = (position % columns) - s.left;
      if (r < 0 || r >= s.height || q < 0 || q >= s.width) return;
      for (let c = 0; c < channels; c++) {
        const value = s.data[(c * s.height + r) * s.width + q] / divisor;
        if (!value) continue;
        for (let row = top; row < bottom; row++) {
          for (let column = left; column < right; column++) below.data[(c * height + row) * width + column] += value;
        }
      }
    });
    return below;
  }

  const scaled = (s, channels, factor) => {
    const each = s.height * s.width, data = new Float32Array(s.data.length);
    for (let c = 0; c < channels; c++) for (let i = 0; i < each; i++) data[c * each + i] = s.data[c * each + i] * factor(c, i);
    return { ...s, data };
  };

  const BACK = {
    conv: (step, s, [shape]) => [convolutionBack(step, s, shape)],
    max: (step, s, [shape]) => [maximaBack(step, s, shape)],
    average: (step, s, [shape]) => [meansBack(step, s, shape)],
    adaptive: (step, s, [shape]) => [meansBack(step, s, shape)],
    // values of the same number in the same order: whole ones, for one of them may have no rows
    same: (step, s, [shape]) => {
      if (shape.every((n, i) => n === step.shape[i])) return [s];
      return [{ top: 0, left: 0, height: shape[1], width: shape[2], data: spread(s, step.shape).data }];
    },
    function: (step, s) => {           // the deconvnet's rule: the signal itself is rectified
      const from = s.data, data = new Float32Array(from.length);
      for (let i = 0; i < data.length; i++) data[i] = from[i] > 0 ? from[i] : 0;
      return [{ ...s, data }];
    },
    sum: (step, s) => [s, s],
    scale: (step, s) => [scaled(s, step.shape[0], () => step.numbers[0])],
    affine: (step, s) => [scaled(s, step.shape[0], (c) => step.factors[c])],
    gate: (step, s, shapes, [, gate]) => {
      const [channels, rows, columns] = step.shape, each = (rows * columns * channels) / gate.length;
      return [scaled(s, channels, (c, i) => {
        const row = s.top + Math.floor(i / s.width), column = s.left + (i % s.width);
        return gate[(((c * rows + row) * columns + column) / each) | 0];
      })];
    },
    concat: (step, s, shapes) => {
      let first = 0;
      return shapes.map((shape) => {
        const each = s.height * s.width, data = s.data.slice(first * each, (first + shape[0]) * each);
        first += shape[0];
        return { ...s, data };
      });
    },
    pad: (step, s, [shape]) => {
      const inner = spread(s, step.shape), below = whole(shape), [channels, h, w] = shape;
      for (let c = 0; c < channels; c++) for (let r = 0; r < h; r++) for (let q = 0; q < w; q++) {
        const row = r + step.before[0], column = q + step.before[1];
        if (row >= 0 && row < step.shape[1] && column >= 0 && column < step.shape[2]) {
          below.data[(c * h + r) * w + q] = inner.data[(c * step.shape[1] + row) * step.shape[2] + column];
        }
      }
      return [below];
    },
  };

  function spread(s, shape) {          // a window in the whole of its value
    if (s.height === shape[1] && s.width === shape[2]) return s;
    const all = whole(shape);
    add(all, s, shape[0]);
    return all;
  }

  function add(into, s, channels) {
    for (let c = 0; c < channels; c++) for (let r = 0; r < s.height; r++) {
      const from = (c * s.height + r) * s.width, to = (c * into.height + s.top - into.top + r) * into.width + s.left - into.left;
      for (let q = 0; q < s.width; q++) into.data[to + q] += s.data[from + q];
    }
  }

  function joined(one, other, channels) {
    if (!one) return other;
    const top = Math.min(one.top, other.top), left = Math.min(one.left, other.left);
    const height = Math.max(one.top + one.height, other.top + other.height) - top;
    const width = Math.max(one.left + one.width, other.left + other.width) - left;
    const all = { top, left, height, width, data: new Float32Array(channels * height * width) };
    add(all, one, channels);
    add(all, other, channels);
    return all;
  }

  // ---- a network ----

  // program: as the atlas says it; tensors: its Float32Arrays, in order
  function network(program, tensors) {
    const steps = program.steps.map((step) => ({
      kernel: [1, 1], stride: [1, 1], before: [0, 0], after: [0, 0], dilation: [1, 1], groups: 1, numbers: [], ...step,
    }));
    const shapes = [program.input, ...steps.map((step) => step.shape)];
    const values = [null, ...steps.map((step) => new Float32Array(step.shape[0] * step.shape[1] * step.shape[2]))];
    for (const step of steps) {
      if (step.kind === "conv") {
        const [channels] = step.shape, own = channels / step.groups, weight = tensors[step.weight];
        const depth = weight.length / channels, bias = tensors[step.bias];
        step.weights = weight; step.biases = bias; step.backward = [];
        step.depthwise = step.groups > 1 && own === 1 && shapes[step.inputs[0]][0] === step.groups;
        if (step.depthwise) continue;
        step.forward = []; step.offsets = [];
        for (let group = 0; group < step.groups; group++) {
          const first = group * own;
          step.forward.push(panels(own, depth, (r, k) => weight[(first + r) * depth + k]));
          const offsets = floats(up(own, ROWS));
          view(offsets).set(bias.subarray(first, first + own));
          step.offsets.push(offsets);
        }
      } else if (step.kind === "function") step.apply = FUNCTIONS[step.function](...step.numbers);
      else if (step.kind === "max") step.switches = new Int32Array(step.shape[0] * step.shape[1] * step.shape[2]);
      else if (step.kind === "affine") { step.factors = tensors[step.factor]; step.biases = tensors[step.bias]; }
    }

    function run(first, end) {         // some steps, so that a page can breathe between them
      for (let i = first; i < end; i++) {
        const step = steps[i], inputs = step.inputs;
        FORWARD[step.kind](step, inputs.map((j) => values[j]), values[i + 1], inputs.map((j) => shapes[j]));
      }
    }

    // one activation of a value, projected back to the input: a Float32Array of the input's shape
    function reconstruct(value, unit, row, column) {
      const [channels, height, width] = shapes[value];
      const start = { top: row, left: column, height: 1, width: 1, data: new Float32Array(channels) };
      start.data[unit] = values[value][(unit * height + row) * width + column];
      const signals = new Array(value + 1).fill(null);
      signals[value] = start;
      for (let i = value; i > 0; i--) {
        const s = signals[i], step = steps[i - 1];
        if (!s) continue;
        signals[i] = null;
        const inputs = step.inputs, below = BACK[step.kind](step, s, inputs.map((j) => shapes[j]), inputs.map((j) => values[j]));
        below.forEach((signal, at) => {
          const j = inputs[at];
          if (signal.data.length) signals[j] = joined(signals[j], signal, shapes[j][0]);
        });
      }
      const out = whole(shapes[0]);
      if (signals[0]) add(out, signals[0], shapes[0][0]);
      return out.data;
    }

    return {
      steps: steps.length, shapes, values,
      input(x) { values[0] = x; },
      run,
      forward(x) { values[0] = x; run(0, steps.length); return values; },
      reconstruct,
    };
  }

  return { network, fast: Boolean(product) };
}


// What a page or its worker asks of the engine. handle(message) takes "load" and "run"; what comes of it goes
// to reply(message). A run that a newer one has overtaken is left unfinished.
// eslint-disable-next-line no-unused-vars
function liveHost(reply) {
  let net = null, layers = [], scores = null, newest = 0, fast = false;

  function halves(words) {             // half precision to float32
    const out = new Float32Array(words.length), bits = new Uint32Array(out.buffer);
    for (let i = 0; i < words.length; i++) {
      const h = words[i], sign = (h & 0x8000) << 16, exponent = (h >> 10) & 31, fraction = h & 1023;
      if (exponent === 0) out[i] = (sign ? -1 : 1) * fraction * 2 ** -24;
      else bits[i] = sign | ((exponent === 31 ? 255 : exponent + 112) << 23) | (fraction << 13);
    }
    return out;
  }

  function load(said) {
    const bytes = said.bytes, tensors = [];
    let at = 0;
    for (const size of said.program.sizes) {
      const count = size.reduce((a, b) => a * b, 1), half = said.half && size.length === 4;
      tensors.push(half ? halves(new Uint16Array(bytes, at, count)) : new Float32Array(bytes, at, count));
      at += Math.ceil((count * (half ? 2 : 4)) / 4) * 4;
    }
    let engine;
    try { engine = liveEngine(said.kernel); } catch (error) { engine = liveEngine(null); }
    fast = engine.fast;
    net = engine.network(said.program, tensors);
    layers = said.program.layers;
    scores = said.program.scores;
    reply({ kind: "loaded", fast });
  }

  const pause = () => new Promise((done) => setTimeout(done, 0));

  async function run(said) {
    newest = said.number;
    const started = performance.now();
    let slice = started;
    net.input(said.input);
    for (let i = 0; i < net.steps; i++) {
      net.run(i, i + 1);
      if (performance.now() - slice > 30) {
        await pause();
        if (newest !== said.number) return;
        slice = performance.now();
      }
    }
    const took = performance.now() - started;
    const found = layers.map((layer) => {
      const [units, height, width] = net.shapes[layer.value], maps = net.values[layer.value], size = height * width;
      const value = new Float32Array(units), place = new Int32Array(units);
      for (let u = 0, at = 0; u < units; u++) {
        let best = maps[at], where = 0;
        for (let i = 0; i < size; i++, at++) if (maps[at] > best) { best = maps[at]; where = i; }
        value[u] = best;
        place[u] = where;
      }
      return { value, place };
    });
    const answer = { kind: "ran", number: said.number, took, found, scores: scores === null ? null : net.values[scores].slice() };
    if (said.chosen) {
      const layer = layers[said.chosen.layer], [, height, width] = net.shapes[layer.value], unit = said.chosen.unit;
      const peak = found[said.chosen.layer].place[unit], size = height * width;
      answer.map = net.values[layer.value].slice(unit * size, (unit + 1) * size);
      answer.mapShape = [height, width];
      const began = performance.now();
      if (found[said.chosen.layer].value[unit] > 0) {
        answer.reconstruction = net.reconstruct(layer.value, unit, Math.floor(peak / width), peak % width);
      }
      answer.tookBack = performance.now() - began;
    }
    reply(answer);
  }

  return (message) => (message.kind === "load" ? load(message) : run(message));
}
if (typeof module !== "undefined") module.exports = { liveEngine, liveHost };
