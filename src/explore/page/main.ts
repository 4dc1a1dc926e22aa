/** The entry point of the explorer's page: reads the data and builds the page. */

import { unpacked } from "../packed.ts";
import { Explorer } from "./explorer.ts";

void unpacked(document.querySelector("#data")!.textContent!).then((data) => {
  const explorer = new Explorer(data);
  document.querySelector("#explorer")!.replaceWith(explorer.root);
  explorer.placed();
  document.documentElement.dataset.ready = "true";
});
