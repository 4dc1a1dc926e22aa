/** The pages of the documentation in the order of its menu, as paths from the root of the repository. */

/** Pages that belong together. */
export interface Chapter {
  readonly title: string;
  readonly pages: readonly string[];
}

export const CHAPTERS: readonly Chapter[] = [
  {
    title: "Start here",
    pages: [
      "docs/getting-started.md",
      "docs/from-pytorch.md",
      "docs/data.md",
      "docs/saving.md",
      "docs/browser.md",
      "docs/backends.md",
      "docs/limits.md",
      "docs/faq.md",
    ],
  },
  {
    title: "Guides",
    pages: [
      "docs/walkthrough.md",
      "docs/training.md",
      "docs/sequences.md",
      "docs/build.md",
      "docs/onnx.md",
      "docs/inspect.md",
      "docs/explore.md",
      "docs/debug.md",
      "docs/check.md",
      "docs/compare.md",
      "docs/tuning.md",
    ],
  },
  {
    title: "Reference",
    pages: [
      "docs/pytorch.md",
      "docs/onnx-node-tests.md",
      "examples/zoo/README.md",
      "bench/README.md",
      "ARCHITECTURE.md",
      "CONTRIBUTING.md",
      "CHANGELOG.md",
    ],
  },
];
