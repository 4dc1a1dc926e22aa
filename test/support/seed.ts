/** Runs before the tests of a file: files share a process, and each draws the numbers that it draws alone. */

import { manualSeed } from "kiln-js";

manualSeed(0);
