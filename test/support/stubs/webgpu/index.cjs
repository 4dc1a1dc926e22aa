/** gpu.js asks for `webgpu` and never loads it: it reads `navigator.gpu`. This stand-in spares every install its binaries. */

throw new Error("webgpu is not installed: Kiln's own repository puts a stand-in in its place");
