/** CSV tables and what is made of their columns: numbers, categories, targets, and errors that name the place. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { data, type Tensor } from "kiln-js";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../cli/kiln.ts";

const folder = temporaryFolder();
const PETS = `name,kind,age,weight
"Rex, the old",dog,12,30.5
Tom,cat,3,4
"Ann
Lee",cat,6,5.5

Bo,dog, 3 ,20
`;
const pets = data.parseCsv(PETS, { name: "pets.csv" });
const values = async (t: Tensor): Promise<number[]> => [...(await t.data())].map(Number);
const messageOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  return "no error";
};

describe("a CSV", () => {
  test("is read by the rules of RFC 4180, from a text or a file, with any line ends", async () => {
    expect(pets.columns).toEqual(["name", "kind", "age", "weight"]);
    expect(pets.column("name")).toEqual(["Rex, the old", "Tom", "Ann\nLee", "Bo"]);
    expect(pets.row(3)).toEqual({ name: "Bo", kind: "dog", age: "3", weight: "20" });
    const path = join(folder, "pets.csv");
    writeFileSync(path, `\ufeff${PETS.replaceAll("\n", "\r\n")}`);
    const read = await data.readCsv(path);
    expect([read.columns, read.column("age")]).toEqual([pets.columns, pets.column("age")]);
    expect(data.parseCsv("1;2\n3;4", { delimiter: ";", columns: ["a", "b"] }).column("b")).toEqual([
      "2",
      "4",
    ]);
  });

  test("gives rows by index, by a condition, and at random", () => {
    expect(pets.filter(({ kind }) => kind === "cat").column("age")).toEqual(["3", "6"]);
    expect(pets.select([3, 0]).column("kind")).toEqual(["dog", "dog"]);
    const parts = pets.randomSplit([0.5, 0.5], { seed: 2 });
    expect(parts.flatMap((part) => part.column("name")).sort()).toEqual(pets.column("name").sort());
    expect(parts[0].column("name")).toEqual(pets.randomSplit([2, 2], { seed: 2 })[0].column("name"));
  });

  test("that is none is refused in one line with its place", () => {
    const errors = ["", "a,b\n", "a,b\n1,2\n3\n", 'a,b\n1,2\n"3,4\n', "a,a\n1,2\n", "a,,c\n1,2,3\n"].map(
      (text) => messageOf(() => data.parseCsv(text, { name: "t.csv" })),
    );
    expect(errors).toEqual([
      "t.csv is empty: a table begins with the names of its columns",
      "t.csv has no rows",
      "t.csv has 1 values in line 3, where its 2 columns want 2: the columns are a, b",
      "t.csv is not a valid CSV: in line 3, quoted field unterminated",
      "t.csv has two columns called a",
      "t.csv has no name for column 2",
    ]);
    expect(messageOf(() => data.parseCsv("a\n1", { delimiter: ", " }))).toContain("one character");
    expect(messageOf(() => pets.column("wieght"))).toBe(
      "pets.csv has no column wieght (did you mean weight?); its columns are name, kind, age, weight",
    );
  });
});

describe("the encoding of a table", () => {
  test("standardises numbers, makes ones among zeros of categories, and numbers classes", async () => {
    const encoding = new data.TableEncoding(pets, { inputs: ["age", "kind"], target: "weight" });
    // Ages 12, 3, 6, 3: mean 6, variance (36 + 9 + 0 + 9) / 4 = 13.5.
    const [old, young] = [6 / Math.sqrt(13.5), -3 / Math.sqrt(13.5)].map(Math.fround);
    expect(encoding.features(pets).shape).toEqual([4, 3]);
    expect(await values(encoding.features(pets))).toEqual([old, 0, 1, young, 1, 0, 0, 1, 0, young, 0, 1]);
    expect(encoding.target(pets).shape).toEqual([4, 1]);
    expect(await values(encoding.target(pets))).toEqual([30.5, 4, 5.5, 20]);

    const kinds = new data.TableEncoding(pets, {
      inputs: ["age", "weight"],
      target: "kind",
      standardize: false,
    });
    expect(kinds.classNames).toEqual(["cat", "dog"]);
    const [x, y] = kinds.dataset(pets).tensors;
    expect([x.shape, y.shape, x.dtype, y.dtype]).toEqual([[4, 2], [4], "float32", "int32"]);
    expect(await values(x)).toEqual([12, 30.5, 3, 4, 6, 5.5, 3, 20]);
    expect(await values(y)).toEqual([1, 0, 0, 1]);
  });

  test("gives embeddings the places of categories, which are in the order of numbers where they are numbers", async () => {
    const table = data.parseCsv("user,item,stars\n10,b,1\n9,a,2\n10,a,5\n");
    const encoding = new data.TableEncoding(table, { target: "stars", kinds: { user: "category" } });
    expect(encoding.inputs).toEqual([
      { kind: "category", name: "user", values: ["9", "10"] },
      { kind: "category", name: "item", values: ["a", "b"] },
    ]);
    expect(await values(encoding.categories(table))).toEqual([1, 1, 0, 0, 1, 0]);
    expect(encoding.numbers(table).shape).toEqual([3, 0]);
    const numbers = new data.TableEncoding(table, {
      inputs: ["user"],
      target: ["stars"],
      standardize: false,
    });
    expect(await values(numbers.numbers(table))).toEqual([10, 9, 10]);
  });

  test("is that of the rows it was made of, and a column of one value becomes 0", async () => {
    const train = data.parseCsv("a,c,y\n0.1,u,1\n0.1,v,2\n0.1,u,3\n");
    const test = data.parseCsv("a,c,y\n1.1,v,1\n", { name: "test.csv" });
    const encoding = new data.TableEncoding(train, { target: "y" });
    expect(await values(encoding.features(train))).toEqual([0, 1, 0, 0, 0, 1, 0, 1, 0]);
    expect(await values(encoding.features(test))).toEqual([1, 0, 1]);
    const other = data.parseCsv("a,c,y\n1,u,1\n2,w,1\n", { name: "test.csv" });
    expect(messageOf(() => encoding.dataset(other))).toBe(
      'test.csv has "w" for c in line 3, which the rows that the encoding was made of do not have: they have u, v',
    );
  });

  test("names the row and the column of what is missing or is no number", () => {
    const gaps = data.parseCsv("a,b\n1,2\n,3\n4,NA\n", { name: "g.csv" });
    const encode = (options: Partial<data.TableEncodingOptions>) =>
      messageOf(() => new data.TableEncoding(gaps, { target: "b", ...options }));
    expect(encode({ kinds: { b: "number" } })).toBe(
      'g.csv has no value for a in line 3: fill it in, or leave such rows out, table.filter((row) => row["a"] !== "")',
    );
    expect(encode({ target: "a", inputs: ["b"] })).toBe(
      'g.csv has "NA" for b in line 4, where a number is expected: leave such rows out with table.filter, or say ' +
        'kinds: { b: "category" }',
    );
    for (const text of ["0x10", "1e99", "1,5", "Infinity"]) {
      const table = data.parseCsv(`a,b\n1,2\n2,"${text}"\n`);
      expect(
        messageOf(() => new data.TableEncoding(table, { target: "b", kinds: { b: "number" } })),
      ).toContain(`has "${text}" for b in line 3`);
    }
  });

  test("refuses what cannot be meant", () => {
    const encode = (options: object) =>
      messageOf(() => new data.TableEncoding(pets, options as data.TableEncodingOptions));
    expect(encode({ target: "kind", inputs: ["kind"] })).toContain("kind among the inputs and as a target");
    expect(encode({ target: [] })).toContain("names of columns as target, and has no column");
    expect(encode({ target: ["age", "kind"] })).toContain("the column kind has categories");
    expect(encode({ target: "age", kinds: { kind: "text" } })).toContain(
      'not the string "text" for the column kind',
    );
    expect(encode({ target: "age", kinds: { king: "category" } })).toContain("did you mean kind?");
    expect(encode({ target: "age", scale: true })).toContain("no option scale");
    expect(messageOf(() => new data.TableEncoding({} as data.Table, { target: "a" }))).toContain(
      "takes a table",
    );
  });
});

test("StackDataset puts datasets side by side, in lists or by name", async () => {
  const numbers = { length: 3, getItem: (k: number) => 10 * k };
  const images = new data.ArrayDataset({
    images: Float32Array.of(1, 2, 3),
    labels: [0, 1, 0],
    sampleShape: [1],
  });
  const pairs = new data.StackDataset(numbers, images);
  const [ten, [image, label]] = await pairs.getItem(1);
  expect([ten, await values(image), label]).toEqual([10, [2], 1]);
  for await (const { a, b } of new data.DataLoader(new data.StackDataset({ a: numbers, b: numbers }), {
    batchSize: 3,
  })) {
    expect([await values(a), await values(b)]).toEqual([
      [0, 10, 20],
      [0, 10, 20],
    ]);
  }
  const short = { length: 2, getItem: (k: number) => k };
  expect(() => new data.StackDataset(numbers, short)).toThrow(
    "the same number of samples, but they have 3, 2",
  );
  expect(() => new data.StackDataset(...([] as unknown as [typeof numbers]))).toThrow("not nothing");
  expect(() => new data.StackDataset({ a: 3 } as unknown as { a: typeof numbers })).toThrow(
    "takes a dataset",
  );
});
