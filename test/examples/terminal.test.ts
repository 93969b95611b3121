import { describe, expect, test } from "vitest";
import { bar, sparkline } from "../../examples/terminal/charts.ts";
import { columnsOf, cut, fill } from "../../examples/terminal/columns.ts";
import { LiveArea } from "../../examples/terminal/live-area.ts";
import { play } from "./virtual-terminal.ts";

describe("columns", () => {
  test.each([
    ["", 0],
    ["plain", 5],
    ["naïve", 5],
    ["nai\u0308ve", 5],
    ["日本語", 6],
    ["ｆｕｌｌ", 8],
    ["한글", 4],
    ["✓✗·…█▁", 6],
    ["👍", 2],
    ["👩‍👩‍👧", 2],
    ["🇩🇪", 2],
    ["❤️", 2],
    ["a\u200bb", 2],
  ])("%j takes %i", (text, columns) => {
    expect(columnsOf(text)).toBe(columns);
  });

  test("a cut never splits a character, nor exceeds its columns", () => {
    expect(cut("日本語", 6)).toBe("日本語");
    expect(cut("日本語", 5)).toBe("日本…");
    expect(cut("日本語", 4)).toBe("日…");
    expect(cut("nai\u0308ve", 4)).toBe("nai\u0308…");
    expect(cut("abc", 1)).toBe("…");
    expect(cut("abc", 0)).toBe("");
  });

  test("what would move the cursor or turn the text around becomes visible", () => {
    expect(cut("\x1b[2J\r\n\u202eabc\u2028", 20)).toBe("·[2J···abc·");
  });

  test("filled to the same width, whatever is in it", () => {
    for (const text of ["", "a", "日本語", "a long text", "👍👍👍👍"])
      expect(columnsOf(fill(text, 7))).toBe(7);
  });
});

test("bars have eighths, and what is not nothing is seen", () => {
  expect(bar(0, 10)).toBe("");
  expect(bar(0.0001, 10)).toBe("▏");
  expect(bar(0.5, 3)).toBe("█▌");
  expect(bar(1, 3)).toBe("███");
  expect(bar(7, 3)).toBe("███");
});

test("a sparkline goes from the smallest to the largest value", () => {
  expect(sparkline([])).toBe("");
  expect(sparkline([5, 5])).toBe("▁▁");
  expect(sparkline([10, 17, 12, 13])).toBe("▁█▃▄");
});

describe("a live area", () => {
  function terminal(columns: number, rows: number) {
    let output = "before\n";
    return {
      columns,
      rows,
      write: (text: string) => (output += text),
      seen: (width = columns) => play(output, width),
    };
  }

  test("is drawn anew in place, also if it grows or shrinks, and gives the cursor back", () => {
    const screen = terminal(20, 10);
    const area = new LiveArea(screen, true);
    area.draw([["one"], [["red", "two"], " and more"], ["three"]]);
    expect(screen.seen()).toEqual({
      rows: ["before", "one", "two and more", "three", ""],
      cursorVisible: false,
    });
    area.draw([["1"], ["2"], ["3"], ["4"]]);
    expect(screen.seen().rows).toEqual(["before", "1", "2", "3", "4", ""]);
    area.draw([["only"]]);
    area.end();
    expect(screen.seen()).toEqual({ rows: ["before", "only", ""], cursorVisible: true });
  });

  test("keeps to the terminal in both directions", () => {
    const screen = terminal(10, 4);
    const area = new LiveArea(screen, false);
    for (let i = 0; i < 3; i++)
      area.draw(["0123456789abc", "b", "c", "d"].map((text) => [text, ["red", "!"]]));
    expect(screen.seen().rows).toEqual(["before", "01234567…", "b!", "c!", ""]);
  });

  test("finds its first row again on a terminal that became narrower", () => {
    const screen = terminal(20, 20);
    const area = new LiveArea(screen, false);
    area.draw([["0123456789abcdef"], ["short"], []]);
    screen.columns = 10;
    // The terminal has wrapped the first row: played at the new width.
    area.draw([["x"]]);
    expect(screen.seen(10).rows).toEqual(["before", "x", ""]);
  });

  test("without colours it sends none", () => {
    let output = "";
    new LiveArea({ write: (text) => (output += text) }, false).draw([[["red", "a"]]]);
    expect(output).toContain("a");
    expect(output).not.toContain("31m");
  });
});
