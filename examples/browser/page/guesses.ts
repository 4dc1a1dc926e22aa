/** The probabilities of the digits for a drawing, as bars. */

export class Guesses {
  private readonly rows: readonly { readonly row: HTMLElement; readonly value: HTMLElement }[];

  constructor(host: HTMLElement, classes: number) {
    this.rows = Array.from({ length: classes }, (_, digit) => {
      const row = document.createElement("li");
      const name = document.createElement("b");
      const bar = document.createElement("i");
      const value = document.createElement("span");
      name.textContent = String(digit);
      row.append(name, bar, value);
      host.append(row);
      return { row, value };
    });
    this.clear();
  }

  show(probabilities: readonly number[]): void {
    const best = probabilities.indexOf(Math.max(...probabilities));
    for (const [digit, { row, value }] of this.rows.entries()) {
      const percent = 100 * probabilities[digit];
      row.style.setProperty("--share", `${percent}%`);
      row.classList.toggle("best", digit === best);
      value.textContent = `${percent < 0.05 ? 0 : percent.toFixed(1)} %`;
    }
  }

  clear(): void {
    for (const { row, value } of this.rows) {
      row.style.setProperty("--share", "0%");
      row.classList.remove("best");
      value.textContent = "";
    }
  }
}
