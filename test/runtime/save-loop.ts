/** A program that saves one file again and again, so often or until it is killed: each time a tensor full of the round's number. */

import { full, save } from "kiln-js";

const [, , path, rounds = "Infinity"] = process.argv;
for (let round = 0; round < Number(rounds); round++)
  await save({ round, numbers: full([2 ** 20], round) }, path);
