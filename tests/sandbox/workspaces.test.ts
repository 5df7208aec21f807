import { describeDrivers, workspaceDrivers } from './conformance/driver.ts'
import { workspaceCases } from './conformance/workspaces.ts'

await describeDrivers('workspaces', workspaceCases, workspaceDrivers)
