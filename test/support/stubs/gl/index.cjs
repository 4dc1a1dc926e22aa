/** gpu.js loads `gl` where it is there; this stand-in spares every install a native build, and says so when it is loaded. */

throw new Error("gl is not installed: Kiln's own repository puts a stand-in in its place");
