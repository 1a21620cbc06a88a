// LRN in JavaScript, for: refvis verify --pipe 'node lrn.js'
const answers = {
  start: () => ({ version: 1, implementation: { name: "node", layout: "NHWC", kinds: ["lrn"] } }),
  run: ({ seq, part, layer, inputs }) => {
    if (part !== "forward") return { seq, skipped: true, message: "no backward pass" };
    const { shape, data } = inputs.x, channels = shape[3];
    const output = data.map((value, i) => {
      const c = i % channels, first = Math.max(0, c - Math.floor((layer.size - 1) / 2));
      const last = Math.min(channels - 1, c + Math.floor(layer.size / 2));
      let sum = 0;
      for (let k = first; k <= last; k++) sum += data[i - c + k] ** 2;
      return value * (layer.kappa + layer.alpha * sum) ** -layer.beta;
    });
    return { seq, values: { output: { shape, data: output } } };
  },
};
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const asked = JSON.parse(line);
  if (asked.cmd === "stop") process.exit();
  console.log(JSON.stringify(answers[asked.cmd](asked)));
});
