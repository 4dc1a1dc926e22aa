/** Layers that trade channels for pixels and places among channels. */

import type { Tensor } from "../../tensor/tensor.ts";
import { channelShuffle, pixelShuffle, pixelUnshuffle } from "../functional/channels.ts";
import { Module } from "../module.ts";
import { Arguments } from "../options.ts";

/** Channels become pixels: […, C·r², H, W] → […, C, H·r, W·r] (torch.nn.PixelShuffle). */
export class PixelShuffle extends Module {
  /** How many times larger pictures become along each axis. */
  readonly upscaleFactor: number;

  constructor(upscaleFactor: number | { readonly upscaleFactor: number }) {
    super();
    this.upscaleFactor = new Arguments("PixelShuffle", [upscaleFactor], ["upscaleFactor"]).integer(
      "upscaleFactor",
      1,
    );
  }

  forward(x: Tensor): Tensor {
    return pixelShuffle(x, this.upscaleFactor);
  }

  override extraRepr(): string {
    return `upscale_factor=${this.upscaleFactor}`;
  }
}

/** Pixels become channels: […, C, H·r, W·r] → […, C·r², H, W] (torch.nn.PixelUnshuffle). */
export class PixelUnshuffle extends Module {
  /** How many times smaller pictures become along each axis. */
  readonly downscaleFactor: number;

  constructor(downscaleFactor: number | { readonly downscaleFactor: number }) {
    super();
    const options = new Arguments("PixelUnshuffle", [downscaleFactor], ["downscaleFactor"]);
    this.downscaleFactor = options.integer("downscaleFactor", 1);
  }

  forward(x: Tensor): Tensor {
    return pixelUnshuffle(x, this.downscaleFactor);
  }

  override extraRepr(): string {
    return `downscale_factor=${this.downscaleFactor}`;
  }
}

/** Channels of [N,C,…] change places between groups (torch.nn.ChannelShuffle). */
export class ChannelShuffle extends Module {
  /** The number of groups of channels, each of which is computed separately. */
  readonly groups: number;

  constructor(groups: number | { readonly groups: number }) {
    super();
    this.groups = new Arguments("ChannelShuffle", [groups], ["groups"]).integer("groups", 1);
  }

  forward(x: Tensor): Tensor {
    return channelShuffle(x, this.groups);
  }

  override extraRepr(): string {
    return `groups=${this.groups}`;
  }
}
