/** `docs/pipeline.svg` shows the pipeline as it is. */

import { expect, test } from "vitest";
import { pipelinePicture } from "../support/pipeline-picture.ts";

test("the picture is drawn from the stages and backends that there are", async () => {
  await expect(pipelinePicture()).toMatchFileSnapshot("../../docs/pipeline.svg");
});
