/** Arranges the boxes of a picture into nested groups: phases, modules, kernels, loop bodies. */

import { innermostModule } from "../core/origin.ts";
import { type Box, type Frame, type Picture, shortened } from "../inspect/picture.ts";
import type { Drawing, DrawnArrow, DrawnBox, DrawnGroup } from "./data.ts";
import { type Link, NO_LINK } from "./link.ts";
import { joinLinks } from "./link-table.ts";
import type { Phase } from "./phases.ts";
import { visitsOf } from "./visits.ts";

/** What a drawing needs to know about the boxes of a picture in addition to what they show. */
export interface Knowledge {
  readonly linkOf: (name: string) => Link | undefined;
  /** The phase of a box or of a kernel's frame; `undefined` if phases are not distinguished. */
  readonly phaseOf: (name: string) => Phase | undefined;
}

/** One level of nesting on the path from the outside to a box. */
interface Step {
  readonly kind: DrawnGroup["kind"];
  /** Distinguishes it from its siblings. */
  readonly key: string;
  readonly title: string;
}

const TITLE_LENGTH = 44;

/** The picture as a drawing whose groups can be opened one by one. */
export function outlined({ boxes, frames, arrows }: Picture, knowledge: Knowledge): Drawing {
  const framesOf = framesByBox(frames);
  const modulesOf = new Map(boxes.map(({ id, module }) => [id, module]));
  const modules = new Map(
    // The innermost module that contains all boxes of a frame.
    frames.map((frame) => [frame, innermostModule(frame.boxes.map((id) => modulesOf.get(id)!))]),
  );
  const positions = new Map(boxes.map(({ id }, k) => [id, k]));
  const reads = boxes.map((): number[] => []);
  const drawnArrows = arrows.map(({ from, to, detail }): DrawnArrow => {
    const arrow = { from: positions.get(from)!, to: positions.get(to)!, detail };
    reads[arrow.to].push(arrow.from);
    return arrow;
  });
  const paths = boxes.map((box) => stepsTo(box, framesOf.get(box.id) ?? [], modules, knowledge));
  // A kernel stays in one group even if its nodes leave a module and return to it.
  const isFused = frames.some(({ kind }) => kind === "kernel");
  const visits = isFused
    ? undefined
    : visitsOf(paths.map((path, k) => ({ path: path.map(({ key }) => key), reads: reads[k] })));
  const groups: (Omit<DrawnGroup, "link"> & { readonly links: Link[] })[] = [];
  const known = new Map<string, number>();
  const drawn = boxes.map((box, k): DrawnBox => {
    const link = knowledge.linkOf(box.name) ?? NO_LINK;
    let parent = -1;
    for (const [depth, { kind, key, title }] of paths[k].entries()) {
      const visit = visits?.[k][depth] ?? 0;
      const id = `${parent} ${key} ${visit}`;
      let group = known.get(id);
      if (group === undefined) {
        const shown = shortened(visit === 0 ? title : `${title}, call ${visit + 1}`, TITLE_LENGTH);
        group = groups.push({ kind, title: shown, parent, links: [] }) - 1;
        known.set(id, group);
      }
      groups[group].links.push(link);
      parent = group;
    }
    const { kind, name, title, lines, place, detail } = box;
    return { kind, name, title, lines, place, detail, parent, link };
  });
  return {
    groups: groups.map(({ links, ...group }) => ({ ...group, link: joinLinks(links) })),
    boxes: drawn,
    arrows: drawnArrows,
  };
}

/** The frames that contain each box, outermost first. */
function framesByBox(frames: readonly Frame[]): ReadonlyMap<string, readonly Frame[]> {
  const byId = new Map(frames.map((frame) => [frame.id, frame]));
  const chain = (frame: Frame | undefined): readonly Frame[] =>
    frame === undefined ? [] : [...chain(byId.get(frame.parent ?? "")), frame];
  return new Map(frames.flatMap((frame) => frame.boxes.map((box) => [box, chain(frame)] as const)));
}

/** The groups that contain a box, outermost first; inputs and outputs are outside all groups. */
function stepsTo(
  box: Box,
  frames: readonly Frame[],
  modules: ReadonlyMap<Frame, string>,
  { phaseOf }: Knowledge,
): readonly Step[] {
  const [outermost] = frames;
  if (outermost === undefined && (box.kind === "input" || box.kind === "output")) return [];
  const isKernel = outermost?.kind === "kernel";
  const phase = phaseOf(isKernel ? outermost.title : box.name);
  const module = outermost === undefined ? box.module : modules.get(outermost)!;
  const parts = module === "" ? [] : module.split(".");
  return [
    ...(phase === undefined ? [] : [{ kind: "phase", key: phase, title: PHASE_TITLES[phase] } as const]),
    ...parts.map((_, k): Step => {
      const path = parts.slice(0, k + 1).join(".");
      return { kind: "module", key: `module ${path}`, title: path };
    }),
    ...frames.map(({ id, kind, title }): Step => ({ kind, key: id, title })),
  ];
}

const PHASE_TITLES: Readonly<Record<Phase, string>> = {
  forward: "forward pass",
  backward: "backward pass",
  update: "update",
};
