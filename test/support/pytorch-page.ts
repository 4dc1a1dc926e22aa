/** The page `docs/pytorch.md`: Kiln's counterpart of each name of PyTorch, found by inspecting its exports. */

import * as kiln from "kiln-js";

/** Names by the module of PyTorch that has them. */
export type Names = Readonly<Record<string, readonly string[]>>;

/** Where in Kiln the names of a module are. */
const PLACES: Readonly<Record<string, readonly [name: string, place: object]>> = {
  torch: ["", kiln],
  "torch.nn": ["nn.", kiln.nn],
  "torch.nn.functional": ["F.", kiln.F],
  "torch.nn.init": ["nn.init.", kiln.nn.init],
  "torch.nn.utils": ["nn.utils.", kiln.nn.utils],
  "torch.nn.utils.parametrizations": ["nn.utils.parametrizations.", kiln.nn.utils.parametrizations],
  "torch.nn.utils.rnn": ["nn.utils.rnn.", kiln.nn.utils.rnn],
  "torch.optim": ["optim.", kiln.optim],
  "torch.optim.lr_scheduler": ["optim.lrScheduler.", kiln.optim.lrScheduler],
  "torch.optim.swa_utils": ["optim.swaUtils.", kiln.optim.swaUtils],
  "torch.autograd": ["autograd.", kiln.autograd],
  "torch.autograd.functional": ["autograd.functional.", kiln.autograd.functional],
  "torch.utils.data": ["data.", kiln.data],
};

/** Names that exist under another name, or in another form. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "torch.as_tensor": "`tensor`",
  "torch.enable_grad": "gradients are on unless `noGrad` turns them off",
  "torch.get_rng_state": "`generatorState`",
  "torch.set_rng_state": "`setGeneratorState`",
  "torch.is_tensor": "`x instanceof Tensor`",
  "torch.mm": "`matmul`",
  "torch.autograd.backward": "`x.backward()`",
  "torch.nn.utils.clip_grad_norm_": "`compileTraining(…, { clipGradNorm })`",
  "torch.nn.utils.clip_grad_value_": "`compileTraining(…, { clipGradValue })`",
  "torch.utils.data.Dataset":
    "the interface `data.ItemDataset`: any object with `length` and `getItem(index)`",
  "torch.utils.data.IterableDataset":
    "the interface `data.IterableDataset`: anything that can be iterated over",
  "torch.utils.data.Sampler": "the interface `data.Sampler`: an iterable of indices with a `length`",
  "torch.nn.functional.upsample": "`F.interpolate`",
  "torch.nn.functional.upsample_bilinear": "`F.interpolate`",
  "torch.nn.functional.upsample_nearest": "`F.interpolate`",
};

/** Why names are not supported, by their beginning or end. */
const REASONS: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/^torch\.nn\.(Lazy|Uninitialized)/, "shapes are known when a model is made"],
  [
    /masked_select|nonzero|argwhere|unique|unpad_sequence/,
    "the shape of its result depends on data, and shapes in Kiln do not",
  ],
  [/pack_padded|pad_packed/, "a mask or lengths do the same"],
  [/^torch\.optim\.(LBFGS|SparseAdam|Adafactor|Muon|Rprop|ASGD)$/, "not there: tell us if you need it"],
  [/DataParallel|SyncBatchNorm/, "for several devices"],
  [/^torch\.nn\.(Container|NLLLoss2d|CrossMapLRN2d|RNNBase|RNNCellBase)$/, "old or internal in PyTorch"],
  [/grouped_mm|scaled_|LinearCrossEntropy|linear_cross_entropy/, "for number formats and kernels of GPUs"],
  [
    /parametrizations\.orthogonal$/,
    "it needs matrix exponentials or Householder products, which Kiln does not have",
  ],
  [/conv_tbc|native_/, "old or internal in PyTorch"],
];

/** Differences of names that exist. */
const DIFFERENCES = `## What differs

- **Whole numbers.** \`tensor([0, 1])\` is float32, where PyTorch makes int64 of it: in JavaScript 1 and 1.0 are the same number. \`tensor([0, 1], { dtype: "int32" })\` and \`tensor(Int32Array.of(0, 1))\` are int32, Kiln's type of whole numbers; an array of any other integers becomes int32 as well (bytes: uint8), and a number that int32 cannot hold is an error.
- **Labels** need be no tensors. Wherever classes go in (\`trainer.step\`, \`program.run\`, the losses, \`data.TensorDataset\`), a list of whole numbers or an array of integers will do, \`BigInt64Array\` too: \`trainer.step(images, [3, 1, 4])\`. A label that is no whole number, or names no class, is an error that says which and where.
- **Modules are not called:** write \`net.forward(x)\` for PyTorch's \`net(x)\`; hooks run all the same. An object of a JavaScript class cannot be called. It could be wrapped in a \`Proxy\`, but methods that use \`#private\` fields fail on one, and every read of a field would go through a trap. Or a constructor could return a function whose prototype is exchanged, but then a field cannot be named \`name\` or \`length\`, \`typeof net\` is \`"function"\`, debuggers show a function, and a call has the types of no \`forward\` in particular.
- **Types.** \`nn.Module\` in a field may be any module, whose \`forward\` may return lists and records. \`nn.Module<Tensor>\` is one that returns a tensor, so that its result needs no cast.
`;

const camelCase = (name: string): string =>
  name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** Kiln's counterpart of a name, as Markdown; `undefined` if it has none and no reason is given. */
function entryFor(module: string, name: string): string | undefined {
  const full = `${module}.${name}`;
  const [prefix, place] = PLACES[module];
  const own = [name, camelCase(name), camelCase(name.replace(/_$/, ""))].find((n) => n in place);
  if (own !== undefined) return `\`${prefix}${own}\``;
  if (full in ELSEWHERE) return ELSEWHERE[full];
  const method = camelCase(name);
  if (module === "torch" && method in kiln.Tensor.prototype) return `\`x.${method}\``;
  const reason = REASONS.find(([pattern]) => pattern.test(full));
  return reason && `– ${reason[1]}`;
}

/** The whole page. */
export function pytorchPage(version: string, names: Names): string {
  const sections = Object.entries(names).map(([module, own]) => {
    const rows = own.map((name) => `| \`${name}\` | ${entryFor(module, name) ?? "– not there yet"} |`);
    return [`## ${module}`, "", "| PyTorch | Kiln |", "|---|---|", ...rows, ""].join("\n");
  });
  const has = Object.entries(names).flatMap(([module, own]) => own.map((name) => entryFor(module, name)));
  const there = has.filter((entry) => entry !== undefined && !entry.startsWith("–")).length;
  return [
    "# PyTorch's names in Kiln",
    "",
    `What Kiln has for the names of PyTorch ${version} that neural networks are written with: ${there} of ${has.length}. Names are PyTorch's in camelCase, with its order of arguments and its defaults; options that PyTorch takes by keyword are an object at the end. Of torch's functions most are methods, too; where the page says \`x.name\`, they are methods alone. The page is made from what Kiln exports (\`npm run golden\`), and a test keeps it true.`,
    "",
    DIFFERENCES,
    ...sections,
  ].join("\n");
}
