/** The part of asciichart that is used here; the package has no types. */
declare module "asciichart" {
  const asciichart: {
    plot(
      series: readonly number[],
      options?: { readonly height?: number; readonly format?: (value: number) => string },
    ): string;
  };
  export default asciichart;
}
