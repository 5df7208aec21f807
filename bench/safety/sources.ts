/** A repository of Python files of some 300 lines each, and patches of ten lines for them. */

const functionsPerFile = 50

const functions = (index: number): string =>
  Array.from({ length: functionsPerFile }, (_, at) => {
    const name = `work_${index}_${at}`
    return `def ${name}(path, count=${at}):\n    total = 0\n    for item in sorted(os.listdir(path)):\n        total += len(item) * count\n    return total\n\n`
  }).join('')

export const pathOf = (index: number): string => `src/package_${Math.floor(index / 100)}/module_${index}.py`

export const contentOf = (index: number): string => `import os\n\n\n${functions(index)}`

export function* everyFile(files: number) {
  for (let index = 0; index < files; index++) {
    yield { path: pathOf(index), mode: '100644' as const, content: Buffer.from(contentOf(index)) }
  }
}

/** Puts ten lines behind the imports of one file. @param step another one gives another content */
export const patchOf = (index: number, step: number): string => {
  const path = pathOf(index)
  const added = Array.from({ length: 10 }, (_, line) => `+LIMIT_${line} = ${step * 10 + line}\n`).join('')
  return `--- a/${path}\n+++ b/${path}\n@@ -1,3 +1,13 @@\n import os\n${added} \n \n`
}
