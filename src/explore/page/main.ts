/** Where the explorer's page starts: reads its data and puts itself together. */

import type { ExplorerData } from "../data.ts";
import { Explorer } from "./explorer.ts";

const data = JSON.parse(document.querySelector("#data")!.textContent!) as ExplorerData;
const explorer = new Explorer(data);
document.querySelector("#explorer")!.replaceWith(explorer.root);
explorer.placed();
document.documentElement.dataset.ready = "true";
