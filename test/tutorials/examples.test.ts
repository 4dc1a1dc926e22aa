/** The tutorials as programs under examples/tutorials: each runs as it is and prints what the tutorial prints. */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

const PROGRAMS: Record<string, readonly RegExp[]> = {
  "000-learning-notes": [
    /^Net\(\n {2}\(conv1\): Conv2d\(1, 6, kernel_size=\(3, 3\)/,
    /grad_fn=<MseLossBackward>/,
  ],
  "001-neural-networks": [
    /<AddmmBackward object>\n<AccumulateGrad object>/,
    /tensor\(\[0\., 0\., 0\., 0\., 0\., 0\.\]\)/,
  ],
  "002-zero-grad": [/a second time/, /\[\[3\.\]\].*\[\[6\.\]\].*\[\[9\.\]\]/s],
  "003-building-a-network": [/\[ 10, 84 \]/, /^Before: .*\nAfter: /m],
  "004-sequential-losses-optimizer": [/tensor\(0\.6667\)/, /tensor\(1\.1019\)\n(tensor\(2\..*\n){10}/],
};

it.each(Object.keys(PROGRAMS))("%s", async (name) => {
  const program = `examples/tutorials/${name}.ts`;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--import", "tsx", program], {
    cwd: root,
  });
  for (const pattern of PROGRAMS[name]) expect(stdout).toMatch(pattern);
  expect(stderr).not.toContain("kiln:");
});
