import type { Benchmark, Comparison } from '../harness/benchmark.ts'
import { startLocalProduct } from '../harness/local-product.ts'
import { compareImports } from './into-version.ts'
import { compareExports } from './out-of-version.ts'
import { openSetting, removeFolder } from './setting.ts'

const fullSizes = [10_000]
const smallSizes = [60]

export const benchmark: Benchmark = {
  name: 'import',
  about:
    '10,000 files of 6 kB from an archive into a version, which checks every name, hashes every content and stores it all, and out of it again, beside what git does with a folder of the same files.',
  async measure(context) {
    await using product = await startLocalProduct(context)
    const comparisons: Comparison[] = []
    for (const files of context.isSmall ? smallSizes : fullSizes) {
      const setting = await openSetting(context, product, files)
      const what = `${files.toLocaleString('en-GB')} files`
      comparisons.push(...(await compareImports(context, setting, what)))
      const version = await setting.importInto(await setting.newProject())
      comparisons.push(...(await compareExports(context, setting, version, what)))
      await removeFolder(setting.directory)
    }
    return comparisons
  },
}
