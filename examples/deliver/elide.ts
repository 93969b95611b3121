/** An item, or how many of a kind were left out. */
export type Shown<T> = { readonly item: T } | { readonly leftOut: readonly T[] };

/**
 * Shortens long runs of items that are alike: the first few are shown, then how many follow.
 * @param kind items of a run have the same; undefined: always shown
 * @param most the longest run that is shown whole
 * @param shown how many of a longer run are shown
 */
export function elide<T>(
  items: readonly T[],
  kind: (item: T) => string | undefined,
  most = 4,
  shown = 2,
): Shown<T>[] {
  const out: Shown<T>[] = [];
  for (let i = 0; i < items.length; ) {
    const first = items[i] as T;
    const alike = kind(first);
    let end = i + 1;
    while (alike !== undefined && end < items.length && kind(items[end] as T) === alike) end++;
    const run = items.slice(i, end);
    const visible = run.length > most ? run.slice(0, shown) : run;
    out.push(...visible.map((item) => ({ item })));
    if (visible.length < run.length) out.push({ leftOut: run.slice(visible.length) });
    i = end;
  }
  return out;
}
