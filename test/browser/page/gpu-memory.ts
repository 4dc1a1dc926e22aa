/** Counts what lies on the GPU, by wrapping the calls of WebGL and WebGPU that make and delete textures and buffers. */

import { onCall } from "./on-call.ts";

/** How many objects are alive. */
export interface GpuMemory {
  readonly textures: number;
  readonly buffers: number;
}

const textures = new Set<object>();
const buffers = new Set<object>();

export const liveGpuMemory = (): GpuMemory => ({ textures: textures.size, buffers: buffers.size });

/** Call it before anything asks for a GPU. */
export function watchGpuMemory(): void {
  onCall("WebGL2RenderingContext", "createTexture", (_, __, texture) => textures.add(texture));
  onCall("WebGL2RenderingContext", "deleteTexture", (_, [texture]) => textures.delete(texture));
  onCall("WebGL2RenderingContext", "createBuffer", (_, __, buffer) => buffers.add(buffer));
  onCall("WebGL2RenderingContext", "deleteBuffer", (_, [buffer]) => buffers.delete(buffer));
  onCall("GPUDevice", "createTexture", (_, __, texture) => textures.add(texture));
  onCall("GPUTexture", "destroy", (texture) => textures.delete(texture));
  onCall("GPUDevice", "createBuffer", (_, __, buffer) => buffers.add(buffer));
  onCall("GPUBuffer", "destroy", (buffer) => buffers.delete(buffer));
}
