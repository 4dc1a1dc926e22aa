/**
 * Imports Kiln and compiles one training step, in a process that has done nothing else: what `compile-time.ts` starts.
 * Plain JavaScript, so that no loader stands between the clock and the package. The first argument is the library's
 * entry, the second the workload, batch and backend as JSON; it prints milliseconds as JSON.
 */

const [entry, text] = process.argv.slice(2);
const { workload, batch, backend } = JSON.parse(text);

const importing = performance.now();
const { compileTraining, nn, optim } = await import(entry);
const imported = performance.now() - importing;

const model = new nn.Sequential(...workload.layers.map(layerOf));
const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
const loss = new nn.CrossEntropyLoss();
const before = process.cpuUsage();
const trainer = await compileTraining(model, {
  inputs: [[batch, ...workload.sample]],
  loss,
  optimizer,
  backend,
});
const { user, system } = process.cpuUsage(before);
const compiled = trainer.compileMilliseconds;
const stages = trainer.compilation.stages.map(({ name, milliseconds }) => [name, milliseconds]);
trainer.dispose();
console.log(JSON.stringify({ imported, compiled, cpu: (user + system) / 1000, stages }));

function layerOf(layer) {
  switch (layer.kind) {
    case "conv": {
      const [outChannels, inChannels, kernelSize] = layer.weight;
      return new nn.Conv2d(inChannels, outChannels, kernelSize, { padding: layer.padding });
    }
    case "linear":
      return new nn.Linear(layer.weight[1], layer.weight[0]);
    case "relu":
      return new nn.ReLU();
    case "maxPool":
      return new nn.MaxPool2d(2);
    case "flatten":
      return new nn.Flatten();
    default:
      throw new Error(`no layer of kind ${layer.kind}`);
  }
}
