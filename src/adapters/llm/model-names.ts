/** What may follow a model's name without making it another model: `gpt-5` must not stand for `gpt-5.5`. */
const dated = /^-(\d{4}-\d{2}-\d{2}|\d{8}|latest)$/

/** Looks up what is known of a model by its name, or by a dated name of it: the longest name that fits. */
export function byModelName<Known>(entries: Iterable<readonly [string, Known]>): (model: string) => Known | null {
  const longestFirst = [...entries].sort(([a], [b]) => b.length - a.length)
  return (model) =>
    longestFirst.find(
      ([name]) => model === name || (model.startsWith(name) && dated.test(model.slice(name.length))),
    )?.[1] ?? null
}
