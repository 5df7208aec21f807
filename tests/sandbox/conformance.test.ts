import { contractCases } from './conformance/contract.ts'
import { describeDrivers } from './conformance/driver.ts'
import { endingCases } from './conformance/endings.ts'
import { filterCases } from './conformance/filter.ts'
import { isolationCases } from './conformance/isolation.ts'
import { limitCases } from './conformance/limits.ts'

await describeDrivers('the contract', contractCases)
await describeDrivers('isolation', isolationCases)
await describeDrivers('endings', endingCases)
await describeDrivers('limits', limitCases)
await describeDrivers('the system-call filter', filterCases)
