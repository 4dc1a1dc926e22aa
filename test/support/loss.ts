/** The loss of the golden dumps, in a file of its own, since dumps contain its line. */

import { CrossEntropyLoss } from "../../src/nn/index.ts";

export const crossEntropy = (): CrossEntropyLoss => new CrossEntropyLoss();
