/**
 * Imports Kiln and compiles one training step, in a process that has done nothing else: what `compile-time.ts` starts.
 * Plain JavaScript, so that no loader stands between the clock and the package. The first argument is the library's
 * entry, the second the workload, batch and backend as JSON; it prints milliseconds as JSON.
 */

const [entry, text] = process.argv.slice(2);
const { workload, models, name, batch, backend } = JSON.parse(text);

const importing = performance.now();
const { compileTraining, nn, optim } = await import(entry);
const imported = performance.now() - importing;

const { model, loss, optimizer, inputs } = workload === undefined ? await wholeModel() : net();
const before = process.cpuUsage();
const trainer = await compileTraining(model, {
  inputs,
  loss,
  optimizer,
  backend,
});
const { user, system } = process.cpuUsage(before);
const compiled = trainer.compileMilliseconds;
const stages = trainer.compilation.stages.map(({ name, milliseconds }) => [name, milliseconds]);
trainer.dispose();
console.log(JSON.stringify({ imported, compiled, cpu: (user + system) / 1000, stages }));

/** A net of plain layers, trained by plain SGD. */
function net() {
  const model = new nn.Sequential(...workload.layers.map(layerOf));
  return {
    model,
    loss: new nn.CrossEntropyLoss(),
    optimizer: new optim.SGD(model.parameters(), { lr: 0.01 }),
    inputs: [[batch, ...workload.sample]],
  };
}

/** A model of models.ts, which has been bundled for this entry. */
async function wholeModel() {
  const { MODELS, inputOf } = await import(models);
  const chosen = MODELS[name];
  const model = chosen.make();
  return {
    model,
    loss: chosen.loss(),
    optimizer: chosen.optimizer(model.parameters()),
    inputs: [inputOf(chosen, batch)],
  };
}

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
