/** A program that saves one file again and again until it is killed: each time a tensor full of the round's number. */

import { full, save } from "kiln";

for (let round = 0; ; round++) await save({ round, numbers: full([2 ** 20], round) }, process.argv[2]);
