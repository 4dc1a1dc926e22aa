/** Padding layers, and what trades channels for pixels, against PyTorch. */

import { F, nn } from "kiln-js";
import { testModuleCases } from "../support/module-cases.ts";

testModuleCases(
  "modules_padding",
  {
    ConstantPad1d: () => new nn.ConstantPad1d(2, 3.5),
    ConstantPad2d: () => new nn.ConstantPad2d({ padding: [1, -1, 2, 0], value: -1 }),
    ConstantPad3d: () => new nn.ConstantPad3d([0, 1, 1, 0, 2, 0], 0.5),
    ZeroPad1d: () => new nn.ZeroPad1d([1, 2]),
    ZeroPad2d: () => new nn.ZeroPad2d(1),
    ZeroPad3d: () => new nn.ZeroPad3d({ padding: [1, 0, 0, 1, 1, 1] }),
    ReflectionPad1d: () => new nn.ReflectionPad1d(2),
    ReflectionPad2d: () => new nn.ReflectionPad2d([1, 1, 2, 0]),
    ReflectionPad3d: () => new nn.ReflectionPad3d(1),
    ReplicationPad1d: () => new nn.ReplicationPad1d([3, 1]),
    ReplicationPad2d: () => new nn.ReplicationPad2d([2, 1, 0, 3]),
    ReplicationPad3d: () => new nn.ReplicationPad3d(1),
    CircularPad1d: () => new nn.CircularPad1d(2),
    CircularPad2d: () => new nn.CircularPad2d([1, 1, 2, 0]),
    CircularPad3d: () => new nn.CircularPad3d(1),
    PixelShuffle: () => new nn.PixelShuffle(2),
    "PixelShuffle by 3": () => new nn.PixelShuffle({ upscaleFactor: 3 }),
    PixelUnshuffle: () => new nn.PixelUnshuffle(2),
    pixel_unshuffle: () => (x) => F.pixelUnshuffle(x, 3),
    ChannelShuffle: () => new nn.ChannelShuffle(2),
    channel_shuffle: () => (x) => F.channelShuffle(x, 3),
  },
  ["wasm"],
);
