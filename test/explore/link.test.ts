/** What is highlighted: only the most closely related items. */

import { describe, expect, test } from "vitest";
import { closeness, closest, type Link, NO_LINK } from "../../src/explore/link.ts";

const link = (
  origins: number[],
  kernels: number[] = [],
  parts: number[] = [],
  nodes: number[] = [],
): Link => ({ ...NO_LINK, origins, nodes, kernels, parts });

describe("closeness", () => {
  test("a part is closer than its kernel, a kernel closer than a line", () => {
    const code = link([1, 2], [7], [70]);
    expect(closeness(code, link([9], [9], [70]))).toBe(6);
    expect(closeness(code, link([9], [7], [71]))).toBe(5);
    expect(closeness(link([1], [7], [], [5]), link([9], [8], [], [4, 5]))).toBe(4);
    expect(closeness(code, link([2]))).toBe(2);
    expect(closeness(code, link([3], [8], [80]))).toBe(0);
    expect(closeness(code, NO_LINK)).toBe(0);
  });

  test("is the same in both directions", () => {
    const all = [link([1]), link([1], [2]), link([1], [2], [3]), link([4], [2], [5]), NO_LINK];
    for (const a of all) for (const b of all) expect(closeness(a, b)).toBe(closeness(b, a));
  });
});

describe("calls", () => {
  const line = (number: number): Link => ({ ...NO_LINK, origins: [number], calls: [number] });
  const own = link([1]);
  const called: Link = { ...link([5]), callers: [1] };

  test("a line highlights both its own nodes and those that its calls led to", () => {
    expect(closest(line(1), [own, called, link([2])])).toEqual([0, 1]);
  });

  test("a node leads to its own line, and to the calling line if its own is not shown", () => {
    expect(closest(called, [line(1), line(5)])).toEqual([1]);
    expect(closest(called, [line(1), line(2)])).toEqual([0]);
  });

  test("nodes of a line do not highlight what that line calls", () => {
    expect(closest(own, [called, link([1], [], [], [9])])).toEqual([1]);
  });

  test("a line that two modules run is one line, but items of the same module are closer", () => {
    const [one, other] = [1, 2].map((site): Link => ({ ...link([5]), sites: [site] }));
    expect(closest(one, [one, other])).toEqual([0]);
    expect(closest(line(5), [one, other])).toEqual([0, 1]);
  });
});

describe("closest", () => {
  const code = [link([1], [1], [1]), link([1], [1], [2]), link([1, 2], [2], [3]), link([3], [3], [4])];

  test("a line highlights everything that comes from it", () => {
    expect(closest(link([1]), code)).toEqual([0, 1, 2]);
  });

  test("a fused kernel highlights its parts, and nothing else from its lines", () => {
    expect(closest(link([1], [1]), code)).toEqual([0, 1]);
  });

  test("a part highlights only itself, or its lines if no kernel is known", () => {
    expect(closest(code[1], code)).toEqual([1]);
    expect(closest(code[2], [link([1]), link([2]), link([3])])).toEqual([0, 1]);
  });

  test("a kernel of another backend is matched by common nodes, not by lines", () => {
    const update = link([1, 2, 3], [8], [80], [30, 31, 32]);
    const others = [link([1], [9], [90], [1]), link([1], [10], [91], [30]), link([2], [11], [92], [31])];
    expect(closest(update, others)).toEqual([1, 2]);
  });

  test("an empty link highlights nothing", () => {
    expect(closest(NO_LINK, code)).toEqual([]);
    expect(closest(link([9]), code)).toEqual([]);
  });
});
