/** Chooses the number of columns so that the rows of panes are as full as possible. */

/** The minimum width of a pane and the gap between panes, in pixels. */
const PANE = { least: 364, gap: 8 } as const;

/** Watches the width of `main` and which panes are shown. The memory pane has a row to itself and is not counted. */
export function fillRows(main: HTMLElement, panes: readonly HTMLElement[]): void {
  const fit = (): void => {
    const shown = panes.filter((pane) => !pane.hidden && !pane.classList.contains("memory")).length;
    const most = Math.max(1, Math.floor((main.clientWidth + PANE.gap) / (PANE.least + PANE.gap)));
    const rows = Math.max(1, Math.ceil(shown / most));
    main.style.setProperty("--columns", String(Math.max(1, Math.ceil(shown / rows))));
    main.style.setProperty("--rows", String(Math.min(2, rows)));
  };
  new ResizeObserver(fit).observe(main);
  const watcher = new MutationObserver(fit);
  for (const pane of panes) watcher.observe(pane, { attributeFilter: ["hidden"] });
}
