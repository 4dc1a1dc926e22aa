/** Keeps the panes' rows full: as many columns as there is room for, but no more than leave no row half empty. */

/** The least width of a pane in pixels, and what lies between two. */
const PANE = { least: 364, gap: 8 } as const;

/** Watches how wide `main` is and which of `panes` are shown. A pane that takes a whole row by its style does not count. */
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
