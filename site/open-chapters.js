/**
 * Opens the chapters of the menu, which the generator closes;
 * chapters that a reader closes stay closed on the next page.
 */

const menu = document.getElementById("tsd-nav-container");

const observer = new MutationObserver(() => {
  const chapters = [...menu.querySelectorAll("details")].slice(0, 2);
  if (chapters.length === 0) return;
  observer.disconnect();
  for (const chapter of chapters) {
    const key = `tsd-accordion-${chapter.dataset.key ?? ""}`;
    if (localStorage.getItem(key) === null) chapter.open = true;
  }
});
if (menu !== null) observer.observe(menu, { childList: true, subtree: true });
